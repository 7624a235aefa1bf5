//! What the prefix codes of a lossless WebP take in memory (WebP lossless bitstream specification, sections 4 to 7).
//!
//! A file may have 65,536 groups of five codes for an image of any size. The decoder beneath makes tables of all of them
//! before it decodes a pixel: of a file of 4 MB, more than 1 GiB. So they are read here first, with no more kept than a sum.

/// Symbols of each code of a group: green with the lengths of copies, red, blue, alpha, and distances. A color cache adds to
/// the first.
const ALPHABETS: [usize; 5] = [256 + 24, 256, 256, 256, 40];
/// In this order, the lengths of the code that the lengths are coded in stand in the file.
const ORDER: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// The longest code, in bits.
const LONGEST: usize = 15;
/// Bits that the decoder beneath looks up at once; longer codes are nodes of a tree.
const LOOKED_UP: usize = 10;

/// How many bytes the decoder's tables take, up to the first sum over `most`; `None` if the stream is damaged. An `ALPH` chunk
/// has no header, so `implicit` gives its dimensions.
pub(crate) fn table_bytes(stream: &[u8], implicit: Option<(u32, u32)>, most: u64) -> Option<u64> {
    let mut bits = Bits { bytes: stream, at: 0 };
    let (mut width, height) = if let Some((width, height)) = implicit {
        (width as usize, height as usize)
    } else {
        // The signature, then alpha and the version behind the dimensions.
        bits.take(8)?;
        let (width, height) = (bits.take(14)? + 1, bits.take(14)? + 1);
        bits.take(4)?;
        (width, height)
    };
    let mut transforms = [false; 4];
    while bits.take(1)? == 1 {
        let transform = bits.take(2)?;
        // Each may be there once.
        if std::mem::replace(&mut transforms[transform], true) {
            return None;
        }
        match transform {
            // Predictors, and the relations of colors: an image of blocks.
            0 | 1 => {
                let side = bits.take(3)? + 2;
                bits.image(blocks(width, side), blocks(height, side))?;
            }
            // Green is subtracted.
            2 => {}
            // A palette; small ones put several pixels into one.
            _ => {
                let colors = bits.take(8)? + 1;
                bits.image(colors, 1)?;
                let shared = match colors {
                    ..=2 => 3,
                    3..=4 => 2,
                    5..=16 => 1,
                    _ => 0,
                };
                width = blocks(width, shared);
            }
        }
    }
    let cache = bits.cache()?;
    let groups = if bits.take(1)? == 1 {
        let side = bits.take(3)? + 2;
        bits.image(blocks(width, side), blocks(height, side))? + 1
    } else {
        1
    };
    let mut sum = 0;
    for _ in 0..groups {
        for (code, alphabet) in ALPHABETS.into_iter().enumerate() {
            sum += bits.code(if code == 0 { alphabet + cache } else { alphabet })?.table_bytes();
        }
        if sum > most {
            break;
        }
    }
    Some(sum)
}

/// Blocks of two to the power of `side` pixels along a line.
fn blocks(pixels: usize, side: usize) -> usize {
    pixels.div_ceil(1 << side)
}

/// Bits, the lowest of each byte first.
struct Bits<'bytes> {
    bytes: &'bytes [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<usize> {
        let mut number = 0;
        for bit in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            number |= usize::from(byte >> (self.at % 8) & 1) << bit;
            self.at += 1;
        }
        Some(number)
    }

    /// Symbols that a color cache adds to the first alphabet.
    fn cache(&mut self) -> Option<usize> {
        if self.take(1)? == 0 {
            return Some(0);
        }
        let bits = self.take(4)?;
        (1..=11).contains(&bits).then(|| 1 << bits)
    }

    /// Passes over an image that has one group of codes. What is in its red and green, the higher byte first, is at most
    /// that: copies and the cache repeat what stood there before.
    fn image(&mut self, width: usize, height: usize) -> Option<usize> {
        let cache = self.cache()?;
        let first = self.code(ALPHABETS[0] + cache)?;
        let [red, blue, alpha, distance] =
            [self.code(ALPHABETS[1])?, self.code(ALPHABETS[2])?, self.code(ALPHABETS[3])?, self.code(ALPHABETS[4])?];
        let (pixels, mut done, mut highest) = (width * height, 0, 0);
        while done < pixels {
            let before = self.at;
            match first.symbol(self)? {
                green @ ..256 => {
                    highest = highest.max(red.symbol(self)? << 8 | green);
                    blue.symbol(self)?;
                    alpha.symbol(self)?;
                    done += 1;
                }
                copy @ 256..280 => {
                    done += self.length(copy - 256)?;
                    let distance = distance.symbol(self)?;
                    self.length(distance)?;
                }
                _ => done += 1,
            }
            // Codes of one symbol take no bits, so every other pixel repeats this one.
            if self.at == before {
                break;
            }
        }
        Some(highest)
    }

    /// A length or a distance, which begin as a symbol and end as bits.
    fn length(&mut self, symbol: usize) -> Option<usize> {
        if symbol < 4 {
            return Some(symbol + 1);
        }
        let extra = (symbol - 2) >> 1;
        Some(((2 + (symbol & 1)) << extra) + self.take(extra)? + 1)
    }

    fn code(&mut self, symbols: usize) -> Option<Code> {
        if self.take(1)? == 1 {
            let count = self.take(1)? + 1;
            let wide = self.take(1)?;
            let first = self.take(1 + 7 * wide)?;
            let simple = if count == 1 { vec![first] } else { vec![first, self.take(8)?] };
            return Some(Code::simple(simple));
        }
        let mut lengths = [0; ORDER.len()];
        for at in ORDER.into_iter().take(4 + self.take(4)?) {
            lengths[at] = self.take(3)?;
        }
        let code = Code::of(&lengths)?;
        let mut left = if self.take(1)? == 1 {
            let bits = 2 + 2 * self.take(3)?;
            2 + self.take(bits)?
        } else {
            symbols
        };
        let (mut lengths, mut previous) = (vec![], 8);
        while lengths.len() < symbols && left > 0 {
            left -= 1;
            let (length, times) = match code.symbol(self)? {
                0 => (0, 1),
                length @ 1..=LONGEST => {
                    previous = length;
                    (length, 1)
                }
                16 => (previous, 3 + self.take(2)?),
                17 => (0, 3 + self.take(3)?),
                _ => (0, 11 + self.take(7)?),
            };
            lengths.resize(lengths.len() + times, length);
        }
        if lengths.len() > symbols { None } else { Code::of(&lengths) }
    }
}

/// A canonical prefix code.
struct Code {
    /// Symbols of each length.
    counts: [usize; LONGEST + 1],
    /// The shortest first.
    symbols: Vec<usize>,
}

impl Code {
    /// Of the length of each symbol's code, 0 where it has none. One symbol alone takes no bits.
    fn of(lengths: &[usize]) -> Option<Self> {
        let mut counts = [0; LONGEST + 1];
        for &length in lengths.iter().filter(|length| **length > 0) {
            *counts.get_mut(length)? += 1;
        }
        let of_length = |wanted: usize| lengths.iter().enumerate().filter(move |(_, length)| **length == wanted);
        let symbols: Vec<_> = (1..=LONGEST).flat_map(of_length).map(|(symbol, _)| symbol).collect();
        // Every sequence of bits is a code: in parts of the longest one, all of them are there.
        let parts: usize = (1..=LONGEST).map(|length| counts[length] << (LONGEST - length)).sum();
        (symbols.len() == 1 || parts == 1 << LONGEST).then_some(Self { counts, symbols })
    }

    /// Of one or two symbols.
    fn simple(symbols: Vec<usize>) -> Self {
        let mut counts = [0; LONGEST + 1];
        counts[1] = symbols.len();
        Self { counts, symbols }
    }

    fn symbol(&self, bits: &mut Bits<'_>) -> Option<usize> {
        if let [symbol] = self.symbols[..] {
            return Some(symbol);
        }
        // The number of codes so far of this length and of the shorter ones, and the first code of this length.
        let (mut before, mut first, mut code) = (0, 0, 0);
        for count in &self.counts[1..] {
            code |= bits.take(1)?;
            if code < first + count {
                return self.symbols.get(before + code - first).copied();
            }
            before += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }

    /// What the decoder beneath takes for it: four bytes for each entry of a table, and 16 for each of two nodes of a longer
    /// code; beside that, what an empty one takes, and is while the list of them grows.
    fn table_bytes(&self) -> u64 {
        const EMPTY: usize = 256;
        let longest =
            if self.symbols.len() == 1 { 0 } else { self.counts.iter().rposition(|count| *count > 0).unwrap_or(0) };
        let nodes: usize = self.counts[LOOKED_UP + 1..].iter().sum();
        (EMPTY + (4 << longest.min(LOOKED_UP)) + 2 * 16 * nodes) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits of a stream, each 0 or 1.
    fn bytes(bits: &[u8]) -> Vec<u8> {
        bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect()
    }

    fn number(number: u32, count: usize) -> Vec<u8> {
        (0..count).map(|bit| u8::from(number >> bit & 1 == 1)).collect()
    }

    /// An image of 8x8 whose groups are so many, each of five codes of one symbol, or of 11 symbols of up to ten bits.
    fn stream(groups: u32, long: bool) -> Vec<u8> {
        // The dimensions less one, no alpha, version 0; no transform, no cache, groups for blocks of 4x4.
        let mut bits =
            [number(0x2f, 8), number(7, 14), number(7, 14), number(0, 4), number(0, 2), number(1, 4)].concat();
        let one = |symbol: u32| [number(0b101, 3), number(symbol, 8)].concat();
        // The image of groups: no cache, and everywhere the highest number, in green and red.
        bits.extend([number(0, 1), one((groups - 1) & 255), one((groups - 1) >> 8), one(0), one(0), one(0)].concat());
        // Lengths of 3 bits stand for 1 to 6, and of 4 bits for 7 to 10; then 11 of them: 1 to 9, and 10 twice.
        let lengths = [0, 0, 0, 3, 3, 3, 3, 3, 0, 3, 4, 4, 4, 4].map(|length| number(length, 3)).concat();
        let code = |code: u32, count: usize| number(code, count).into_iter().rev().collect::<Vec<_>>();
        let symbols = (0..6).map(|at| code(at, 3)).chain((12..16).chain([15]).map(|at| code(at, 4)));
        let tree =
            [number(0, 1), number(10, 4), lengths, number(0b11, 4), number(9, 4), symbols.flatten().collect()].concat();
        for _ in 0..5 * groups {
            bits.extend(if long { tree.clone() } else { one(0) });
        }
        bytes(&bits)
    }

    #[test]
    fn tables_of_all_groups_are_counted_whatever_the_image_uses() {
        assert_eq!(table_bytes(&stream(1, false), None, u64::MAX), Some(5 * (256 + 4)));
        assert_eq!(table_bytes(&stream(1, true), None, u64::MAX), Some(5 * (256 + 4096)));
        assert_eq!(table_bytes(&stream(3000, true), None, u64::MAX), Some(3000 * 5 * (256 + 4096)));
        let sum = table_bytes(&stream(3000, true), None, 1 << 20).unwrap();
        assert!((1 << 20..2 << 20).contains(&sum), "no more is read than tells that it is too much");
    }

    #[test]
    fn a_stream_that_ends_early_is_damaged() {
        let whole = stream(3, true);
        for end in 0..whole.len() {
            assert_eq!(table_bytes(&whole[..end], None, u64::MAX), None, "{end}");
        }
    }
}
