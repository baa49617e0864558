//! Everything that happens, folded into one number: two runs of a seed are the same run when it is the same.

/// What happened so far.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    steps: u64,
    shown: bool,
}

impl Trace {
    /// An empty trace; a shown one prints every step to standard error.
    pub fn new(shown: bool) -> Self {
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            steps: 0,
            shown,
        }
    }

    /// Something happened at an instant of the simulation, in milliseconds.
    pub fn note(&mut self, at: i64, what: &str, bytes: &[u8]) {
        self.steps += 1;
        for byte in at.to_le_bytes().iter().chain(what.as_bytes()).chain(bytes) {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.shown {
            let text: String = String::from_utf8_lossy(bytes).chars().take(4000).collect();
            eprintln!("{:>10}.{:03} {what:<10} {}", at / 1000, at % 1000, text.escape_debug());
        }
    }

    /// The number.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many steps there were.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}
