//! What `strace` writes down, and what it is asked to do.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    path::Path,
};

/// The calls that change files. Those on sockets and pipes are among them, and are left out by their paths.
const CHANGING: &str = "write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,\
                        unlink,unlinkat,rmdir,ftruncate,truncate,fallocate,open,openat,creat,mkdir,mkdirat,link,linkat,\
                        symlink,symlinkat,copy_file_range";

/// A changing call on a path of the state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    thread: String,
    name: String,
    path: String,
    /// Whether it changes anything: opening an existing file does not, but counts all the same.
    changes: bool,
    /// Whether the path is below the state directory.
    ours: bool,
}

/// From when on calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// From the beginning of the process.
    Begin,
    /// From when it is ready: where the thread that starts the gateway and one that works in it use the same path, the
    /// second one's first calls would else never be the first to their number.
    Ready,
}

/// The n-th call of a name on a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    /// From when on.
    pub(super) from: From,
    name: String,
    /// `None` where the path is another one in each play: then it is the thread's n-th call of this name on anything.
    path: Option<String>,
    n: usize,
    /// Whether more than one thread did this call on this path, so that the first to its n-th is struck.
    shared: bool,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = match self.from {
            From::Begin => "",
            From::Ready => " once it is ready",
        };
        let path = self.path.as_deref().unwrap_or("anything");
        write!(f, "{} number {} of {path}{from}", self.name, self.n)
    }
}

impl Point {
    /// Whether several threads do this call on this path, counted from the same instant.
    pub(super) fn is_shared(&self) -> bool {
        self.shared
    }

    /// Whether it is known by its number alone.
    pub(super) fn has_no_path(&self) -> bool {
        self.path.is_none()
    }

    /// The words that let strace kill at this point.
    pub(super) fn injection(&self) -> Vec<String> {
        let Self { name, path, n, .. } = self;
        let inject = format!("inject={name}:signal=SIGKILL:when={n}");
        let trace = format!("trace={name}");
        let words = ["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject].into_iter();
        let path = path.iter().flat_map(|path| ["-P", path]);
        words.chain(path).map(str::to_owned).collect()
    }
}

/// The words that let strace write every changing call into a file.
pub(super) fn recording(file: &Path) -> Vec<String> {
    let (file, trace) = (file.display().to_string(), format!("trace={CHANGING}"));
    let words = ["-f", "-qq", "-y", "-s", "512", "-o", &file, "-e", &trace];
    words.into_iter().map(str::to_owned).collect()
}

/// The calls of a recording; those on paths below `state` are ours.
pub(super) fn calls(recording: &str, state: &Path) -> Vec<Call> {
    let state = state.display().to_string();
    let mut calls: Vec<Call> = recording.lines().filter_map(call).collect();
    calls
        .iter_mut()
        .for_each(|call| call.ours = call.path.starts_with(&state));
    calls
}

/// A line such as `123 fdatasync(5</a/b>) = 0`; `None` for one that is not the begin of a call on a path.
fn call(line: &str) -> Option<Call> {
    let (thread, rest) = line.split_once(' ')?;
    let (name, arguments) = rest.trim_start().split_once('(')?;
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return None;
    }
    let opens = matches!(name, "open" | "openat" | "creat");
    Some(Call {
        thread: thread.to_owned(),
        name: name.to_owned(),
        path: path(arguments)?,
        changes: !opens || name == "creat" || arguments.contains("O_CREAT") || arguments.contains("O_TRUNC"),
        ours: false,
    })
}

/// The path a call is about, as `strace -P` compares it: that of the descriptor, or the one written out.
fn path(arguments: &str) -> Option<String> {
    let at_work_directory = arguments.starts_with("AT_FDCWD");
    if !at_work_directory && !arguments.starts_with('"') {
        let (_, rest) = arguments.split_once('<')?;
        return Some(rest.split_once('>')?.0.to_owned());
    }
    let (_, rest) = arguments.split_once('"')?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// All crash points of several recordings from one instant on, in the order in which they first came.
pub(super) fn points(recordings: &[Vec<Call>], from: From) -> Vec<Point> {
    let came_always = |call: &Call| {
        recordings
            .iter()
            .all(|calls| calls.iter().any(|other| other.path == call.path))
    };
    let mut found: BTreeMap<(&str, Option<&str>, usize), usize> = BTreeMap::new();
    let mut shared: BTreeSet<(&str, &str)> = BTreeSet::new();
    for recording in recordings {
        let mut counts: HashMap<(&str, &str), BTreeMap<&str, usize>> = HashMap::new();
        let mut numbers: HashMap<(&str, &str), usize> = HashMap::new();
        for (place, call) in recording.iter().enumerate() {
            let number = numbers.entry((&call.thread, &call.name)).or_default();
            *number += 1;
            if !call.ours {
                continue;
            }
            let by_thread = counts.entry((&call.name, &call.path)).or_default();
            let n = by_thread.entry(&call.thread).or_default();
            *n += 1;
            let key = match came_always(call) {
                true => (call.name.as_str(), Some(call.path.as_str()), *n),
                false => (call.name.as_str(), None, *number),
            };
            if call.changes {
                found.entry(key).or_insert(place);
            }
            if by_thread.len() > 1 {
                shared.insert((&call.name, &call.path));
            }
        }
    }
    let mut points: Vec<_> = found.into_iter().collect();
    points.sort_by_key(|(_, place)| *place);
    let point = |((name, path, n), _): ((&str, Option<&str>, usize), usize)| Point {
        from,
        name: name.to_owned(),
        path: path.map(str::to_owned),
        n,
        shared: path.is_some_and(|path| shared.contains(&(name, path))),
    };
    points.into_iter().map(point).collect()
}

/// The points from the begin, and those from when it is ready on paths that several threads use.
pub(super) fn both(begin: Vec<Point>, ready: Vec<Point>) -> Vec<Point> {
    let is_needed = |point: &Point| {
        if point.path.is_none() {
            return true;
        }
        let same = |other: &Point| (&other.name, &other.path) == (&point.name, &point.path);
        begin.iter().any(|other| other.shared && same(other))
    };
    let more: Vec<Point> = ready.into_iter().filter(is_needed).collect();
    begin.into_iter().chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDING: &str = "\
7 openat(AT_FDCWD</work>, \"/s/j/1.pgj\", O_RDWR|O_CLOEXEC) = 5</s/j/1.pgj>
7 openat(AT_FDCWD</work>, \"/s/j/1.pgj\", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 5</s/j/1.pgj>
7 pwrite64(5</s/j/1.pgj>, \"PGJRNL\\r\\n\"..., 128, 0) = 128
8 fdatasync(5</s/j/1.pgj> <unfinished ...>
7 write(2</dev/null>, \"x\", 1) = 1
8 <... fdatasync resumed>) = 0
8 fdatasync(5</s/j/1.pgj>) = 0
9 fdatasync(5</s/j/1.pgj>) = 0
9 unlinkat(4</s/old>, \"db\", 0) = 0
9 rename(\"/s/c.new\", \"/s/c\") = 0
9 +++ killed by SIGKILL +++";

    #[test]
    fn the_points_are_the_changing_calls_below_the_state_by_thread() {
        let points = points(&[calls(RECORDING, Path::new("/s"))], From::Begin);
        let said: Vec<String> = points.iter().map(Point::to_string).collect();
        let wanted = [
            "openat number 2 of /s/j/1.pgj",
            "pwrite64 number 1 of /s/j/1.pgj",
            "fdatasync number 1 of /s/j/1.pgj",
            "fdatasync number 2 of /s/j/1.pgj",
            "unlinkat number 1 of /s/old",
            "rename number 1 of /s/c.new",
        ];
        assert_eq!(said, wanted);
        let shared: Vec<bool> = points.iter().map(Point::is_shared).collect();
        assert_eq!(shared, [false, false, true, true, false, false]);
    }

    #[test]
    fn a_path_that_does_not_come_again_is_known_by_the_number_of_its_call() {
        let again = RECORDING.replace("/s/c.new", "/s/d.new");
        let recordings = [calls(RECORDING, Path::new("/s")), calls(&again, Path::new("/s"))];
        let points = points(&recordings, From::Ready);
        let last = points.last().expect("a point");
        assert!(last.has_no_path());
        assert_eq!(last.to_string(), "rename number 1 of anything once it is ready");
    }

    #[test]
    fn a_point_is_struck_by_path_call_and_number() {
        let point = Point {
            from: From::Begin,
            name: "fsync".to_owned(),
            path: Some("/s/j".to_owned()),
            n: 3,
            shared: false,
        };
        let words = point.injection().join(" ");
        assert!(
            words.ends_with("-e trace=fsync -e inject=fsync:signal=SIGKILL:when=3 -P /s/j"),
            "{words}"
        );
    }
}
