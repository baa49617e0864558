//! Deterministic mutations of a corpus: flipped bits, cuts, splices, repeats and odd bytes.

/// Bytes that decoders trip over.
const ODD: [u8; 12] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF, b'\n', b'\r', b'"', b'{', 0x02, 0x03];

/// An endless series of mutations; the same seed gives the same series.
#[derive(Debug)]
pub struct Mutations<'a> {
    corpus: &'a [Vec<u8>],
    state: u64,
}

impl<'a> Mutations<'a> {
    /// Mutations of these files.
    pub fn new(corpus: &'a [Vec<u8>], seed: u64) -> Self {
        Self {
            corpus,
            state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        }
    }

    /// The next number below a limit (xorshift64*); 0 below 0.
    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let number = self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap_or_default() % limit.max(1)
    }

    fn file(&mut self) -> &'a [u8] {
        let index = self.below(self.corpus.len());
        self.corpus.get(index).map_or(&[], Vec::as_slice)
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        match self.below(6) {
            0 => bytes.truncate(at),
            1 => {
                let other = self.file();
                let from = self.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend(other.iter().skip(from));
            }
            2 => {
                let length = self.below(16);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            3 => {
                let piece: Vec<u8> = bytes.iter().skip(at).take(16).copied().collect();
                bytes.splice(at..at, piece);
            }
            4 => {
                let odd = ODD.get(self.below(ODD.len())).copied().unwrap_or_default();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = odd;
                }
            }
            _ => {
                let bit = self.below(8);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
        }
    }
}

impl Iterator for Mutations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut bytes = self.file().to_vec();
        for _ in 0..=self.below(4) {
            self.mutate(&mut bytes);
        }
        Some(bytes)
    }
}
