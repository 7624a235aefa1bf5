//! Computes how much memory the prefix codes of a lossless WebP take (WebP lossless bitstream specification, sections 4
//! to 7).
//!
//! A file may have 65,536 groups of five codes, even if the image is small. The decoder builds the tables of all
//! groups before it decodes a pixel. For a file of 4 MB, these tables can take more than 1 GiB. So this module reads
//! the codes before the decoder does, and it keeps only the sum of the table sizes.

/// The number of symbols of each code in a group: green with copy lengths, red, blue, alpha, and distances. A color
/// cache adds symbols to the first code.
const ALPHABET_SIZES: [usize; 5] = [256 + 24, 256, 256, 256, 40];
/// The order in which a file stores the lengths of the code length code.
const CODE_LENGTH_ORDER: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// The maximum length of a symbol's code, in bits.
const MAX_CODE_LENGTH: usize = 15;
/// The number of bits that the decoder looks up in a table; longer codes are nodes of a tree.
const TABLE_BITS: usize = 10;

/// Computes the size of the decoder's tables in bytes. Stops reading when the sum exceeds `max_bytes`. Returns `None`
/// if the stream is damaged. An `ALPH` chunk has no header, so `implicit_size` gives its dimensions.
pub(crate) fn table_bytes(stream: &[u8], implicit_size: Option<(u32, u32)>, max_bytes: u64) -> Option<u64> {
    let mut bits = BitReader { bytes: stream, position: 0 };
    let (mut width, height) = if let Some((width, height)) = implicit_size {
        (width as usize, height as usize)
    } else {
        // The signature precedes the dimensions. The alpha flag and the version follow them.
        bits.read(8)?;
        let (width, height) = (bits.read(14)? + 1, bits.read(14)? + 1);
        bits.read(4)?;
        (width, height)
    };
    let mut transforms = [false; 4];
    while bits.read(1)? == 1 {
        let transform = bits.read(2)?;
        // Each transform may occur once.
        if std::mem::replace(&mut transforms[transform], true) {
            return None;
        }
        match transform {
            // The predictor and the color transform contain an image of blocks.
            0 | 1 => {
                let size_bits = bits.read(3)? + 2;
                bits.skip_image(blocks(width, size_bits), blocks(height, size_bits))?;
            }
            // The subtract green transform contains no data.
            2 => {}
            // The color indexing transform contains a palette. With a small palette, several pixels are packed into
            // one.
            _ => {
                let colors = bits.read(8)? + 1;
                bits.skip_image(colors, 1)?;
                let packing_bits = match colors {
                    ..=2 => 3,
                    3..=4 => 2,
                    5..=16 => 1,
                    _ => 0,
                };
                width = blocks(width, packing_bits);
            }
        }
    }
    let cache = bits.read_color_cache()?;
    let groups = if bits.read(1)? == 1 {
        let size_bits = bits.read(3)? + 2;
        bits.skip_image(blocks(width, size_bits), blocks(height, size_bits))? + 1
    } else {
        1
    };
    let mut sum = 0;
    for _ in 0..groups {
        for (code, alphabet) in ALPHABET_SIZES.into_iter().enumerate() {
            sum += bits.read_code(if code == 0 { alphabet + cache } else { alphabet })?.table_bytes();
        }
        if sum > max_bytes {
            break;
        }
    }
    Some(sum)
}

/// Returns the number of blocks of 2^`size_bits` pixels in a line.
fn blocks(pixels: usize, size_bits: usize) -> usize {
    pixels.div_ceil(1 << size_bits)
}

/// Reads bits, the least significant bit of each byte first.
struct BitReader<'bytes> {
    bytes: &'bytes [u8],
    position: usize,
}

impl BitReader<'_> {
    fn read(&mut self, count: usize) -> Option<usize> {
        let mut number = 0;
        for bit in 0..count {
            let byte = self.bytes.get(self.position / 8)?;
            number |= usize::from(byte >> (self.position % 8) & 1) << bit;
            self.position += 1;
        }
        Some(number)
    }

    /// Reads the number of symbols that a color cache adds to the first alphabet.
    fn read_color_cache(&mut self) -> Option<usize> {
        if self.read(1)? == 0 {
            return Some(0);
        }
        let bits = self.read(4)?;
        (1..=11).contains(&bits).then(|| 1 << bits)
    }

    /// Skips an image with one group of codes. Returns an upper bound of the numbers in its pixels; red is the high
    /// byte of a number, and green is the low byte. Copies and color cache symbols are not evaluated, because they only
    /// repeat earlier pixels.
    fn skip_image(&mut self, width: usize, height: usize) -> Option<usize> {
        let cache = self.read_color_cache()?;
        let first = self.read_code(ALPHABET_SIZES[0] + cache)?;
        let [red, blue, alpha, distance] = [
            self.read_code(ALPHABET_SIZES[1])?,
            self.read_code(ALPHABET_SIZES[2])?,
            self.read_code(ALPHABET_SIZES[3])?,
            self.read_code(ALPHABET_SIZES[4])?,
        ];
        let (pixels, mut done, mut highest) = (width * height, 0, 0);
        while done < pixels {
            let start = self.position;
            match first.read_symbol(self)? {
                green @ ..256 => {
                    highest = highest.max(red.read_symbol(self)? << 8 | green);
                    blue.read_symbol(self)?;
                    alpha.read_symbol(self)?;
                    done += 1;
                }
                copy @ 256..280 => {
                    done += self.read_length(copy - 256)?;
                    let distance = distance.read_symbol(self)?;
                    self.read_length(distance)?;
                }
                _ => done += 1,
            }
            // If a code has only one symbol, reading the symbol consumes no bits. If all codes have only one symbol,
            // all further pixels are equal to this pixel.
            if self.position == start {
                break;
            }
        }
        Some(highest)
    }

    /// Reads a length or a distance: a symbol, followed by extra bits.
    fn read_length(&mut self, symbol: usize) -> Option<usize> {
        if symbol < 4 {
            return Some(symbol + 1);
        }
        let extra = (symbol - 2) >> 1;
        Some(((2 + (symbol & 1)) << extra) + self.read(extra)? + 1)
    }

    fn read_code(&mut self, symbols: usize) -> Option<PrefixCode> {
        if self.read(1)? == 1 {
            let count = self.read(1)? + 1;
            let wide = self.read(1)?;
            let first = self.read(1 + 7 * wide)?;
            let simple = if count == 1 { vec![first] } else { vec![first, self.read(8)?] };
            return Some(PrefixCode::simple(simple));
        }
        let mut lengths = [0; CODE_LENGTH_ORDER.len()];
        for at in CODE_LENGTH_ORDER.into_iter().take(4 + self.read(4)?) {
            lengths[at] = self.read(3)?;
        }
        let code = PrefixCode::from_lengths(&lengths)?;
        let mut remaining = if self.read(1)? == 1 {
            let bits = 2 + 2 * self.read(3)?;
            2 + self.read(bits)?
        } else {
            symbols
        };
        let (mut lengths, mut previous) = (vec![], 8);
        while lengths.len() < symbols && remaining > 0 {
            remaining -= 1;
            let (length, times) = match code.read_symbol(self)? {
                0 => (0, 1),
                length @ 1..=MAX_CODE_LENGTH => {
                    previous = length;
                    (length, 1)
                }
                16 => (previous, 3 + self.read(2)?),
                17 => (0, 3 + self.read(3)?),
                _ => (0, 11 + self.read(7)?),
            };
            lengths.resize(lengths.len() + times, length);
        }
        if lengths.len() > symbols { None } else { PrefixCode::from_lengths(&lengths) }
    }
}

/// A canonical prefix code.
struct PrefixCode {
    /// The number of symbols of each code length.
    counts: [usize; MAX_CODE_LENGTH + 1],
    /// The symbols, ordered by code length, the shortest first.
    symbols: Vec<usize>,
}

impl PrefixCode {
    /// Builds the code from the code length of each symbol. The length of an unused symbol is 0. If the code has only
    /// one symbol, `read_symbol` reads no bits. Returns `None` if the code is not complete.
    fn from_lengths(lengths: &[usize]) -> Option<Self> {
        let mut counts = [0; MAX_CODE_LENGTH + 1];
        for &length in lengths.iter().filter(|length| **length > 0) {
            *counts.get_mut(length)? += 1;
        }
        let of_length =
            |code_length: usize| lengths.iter().enumerate().filter(move |(_, length)| **length == code_length);
        let symbols: Vec<_> = (1..=MAX_CODE_LENGTH).flat_map(of_length).map(|(symbol, _)| symbol).collect();
        // In a complete code, every sequence of bits belongs to a symbol. Of all sequences of the maximum length,
        // 2^(maximum - n) begin with the code of a symbol of length n, and every sequence begins with the code of a
        // symbol.
        let parts: usize = (1..=MAX_CODE_LENGTH).map(|length| counts[length] << (MAX_CODE_LENGTH - length)).sum();
        (symbols.len() == 1 || parts == 1 << MAX_CODE_LENGTH).then_some(Self { counts, symbols })
    }

    /// Builds a code of one or two symbols.
    fn simple(symbols: Vec<usize>) -> Self {
        let mut counts = [0; MAX_CODE_LENGTH + 1];
        counts[1] = symbols.len();
        Self { counts, symbols }
    }

    fn read_symbol(&self, bits: &mut BitReader<'_>) -> Option<usize> {
        if let [symbol] = self.symbols[..] {
            return Some(symbol);
        }
        // The number of symbols with shorter codes, the first code of this length, and the bits that were read.
        let (mut before, mut first, mut code) = (0, 0, 0);
        for count in &self.counts[1..] {
            code |= bits.read(1)?;
            if code < first + count {
                return self.symbols.get(before + code - first).copied();
            }
            before += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }

    /// Returns the number of bytes that the decoder allocates for the code: 4 bytes for each table entry, and two nodes
    /// of 16 bytes for each symbol whose code is longer than `TABLE_BITS`. `EMPTY` is the size of an empty code and of
    /// the spare capacity of the list that contains the code.
    fn table_bytes(&self) -> u64 {
        const EMPTY: usize = 256;
        let longest =
            if self.symbols.len() == 1 { 0 } else { self.counts.iter().rposition(|count| *count > 0).unwrap_or(0) };
        let nodes: usize = self.counts[TABLE_BITS + 1..].iter().sum();
        (EMPTY + (4 << longest.min(TABLE_BITS)) + 2 * 16 * nodes) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packs bits, each 0 or 1, into bytes.
    fn bytes(bits: &[u8]) -> Vec<u8> {
        bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect()
    }

    fn number(number: u32, count: usize) -> Vec<u8> {
        (0..count).map(|bit| u8::from(number >> bit & 1 == 1)).collect()
    }

    /// Builds an image of 8x8 pixels with this number of groups. Each of the five codes of a group has one symbol, or,
    /// if `long`, 11 symbols with codes of up to ten bits.
    fn stream(groups: u32, long: bool) -> Vec<u8> {
        // The fields are the signature, the dimensions minus 1, no alpha, version 0, no transform, no color cache, and
        // groups for blocks of 4x4.
        let mut bits =
            [number(0x2f, 8), number(7, 14), number(7, 14), number(0, 4), number(0, 2), number(1, 4)].concat();
        let one = |symbol: u32| [number(0b101, 3), number(symbol, 8)].concat();
        // The image of group numbers has no color cache. All its pixels contain the highest group number, in green and
        // red.
        bits.extend([number(0, 1), one((groups - 1) & 255), one((groups - 1) >> 8), one(0), one(0), one(0)].concat());
        // In the code length code, the lengths 1 to 6 have codes of 3 bits, and the lengths 7 to 10 have codes of 4
        // bits. The lengths of the 11 symbols follow: 1 to 9, and 10 twice.
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
    fn tables_of_unused_groups_are_counted() {
        assert_eq!(table_bytes(&stream(1, false), None, u64::MAX), Some(5 * (256 + 4)));
        assert_eq!(table_bytes(&stream(1, true), None, u64::MAX), Some(5 * (256 + 4096)));
        assert_eq!(table_bytes(&stream(3000, true), None, u64::MAX), Some(3000 * 5 * (256 + 4096)));
        let sum = table_bytes(&stream(3000, true), None, 1 << 20).unwrap();
        assert!((1 << 20..2 << 20).contains(&sum), "reading stops soon after the limit");
    }

    #[test]
    fn truncated_stream_is_rejected() {
        let whole = stream(3, true);
        for end in 0..whole.len() {
            assert_eq!(table_bytes(&whole[..end], None, u64::MAX), None, "{end}");
        }
    }
}
