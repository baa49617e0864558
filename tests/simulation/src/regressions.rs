//! Seeds that have failed once, each with its story. They run first, for ever.

/// The seeds.
pub const SEEDS: &[u64] = &[
    // Nobody's punch for a whole life of the process: one failed sync at the start kept the directory of people out of
    // force. What a start writes is tried once more now.
    11, 62,
    // A slow disk aged what waited for it: a terminal's clock was measured against the time at which the measurement
    // came to the disk, and punches moved by up to 25 s. A delivery says when it was said now.
    19,
    // A bare ACK, said late or once for each repeat, was taken for an answer to the next record of a clock on a serial
    // line, which nobody had stored. It is said in time and once now.
    17, 21, 38, 53, 68, 92, 95,
    // A sync failed, the process was killed, and the next one found the batch in the page cache, synced pages that the
    // system took for clean, and believed them; a power cut took them. The end of the last segment is written again now.
    392,
    // The disk was full at the start, so that punches were decided under no policy and stayed so decided. What a start
    // could not write goes before everything else now.
    527, 17747,
];
