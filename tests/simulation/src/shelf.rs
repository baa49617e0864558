//! The gateway's buffer from one life to the next: in memory, or a real sled in a real directory.

use punchgate_journal::{Buffer, BufferOptions};

use crate::world::World;

/// What stays of the buffer from one life to the next.
#[derive(Debug, Default)]
pub struct Shelf {
    /// A buffer in memory that was closed in order: what a store that is closed in order is on a real disk.
    pub(crate) closed: Option<Buffer>,
    /// Where a real sled lies.
    pub(crate) dir: Option<tempfile::TempDir>,
}

impl Shelf {
    /// Where this scene keeps its buffer.
    ///
    /// # Errors
    /// The system's, when there is no place for a directory.
    pub fn of(world: &World) -> std::io::Result<Self> {
        let dir = world.scene.sled.then(tempfile::tempdir).transpose()?;
        Ok(Self { closed: None, dir })
    }

    /// The buffer for the next life, and whether it begins empty.
    pub fn open(&mut self, mut fits: impl FnMut(punchgate_journal::Position) -> bool) -> (Buffer, bool) {
        if let Some(dir) = &self.dir {
            let (buffer, found) = Buffer::open(&dir.path().join("buffer"), BufferOptions::default(), fits);
            return (buffer, found.fresh);
        }
        match self.closed.take().filter(|buffer| fits(buffer.position())) {
            Some(buffer) => (buffer, false),
            None => (Buffer::in_memory(), true),
        }
    }
}
