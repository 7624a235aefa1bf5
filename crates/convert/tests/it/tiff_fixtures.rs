//! Builds TIFFs of any kind from tags and strips.

use std::collections::BTreeMap;

/// A TIFF with one page and samples that the caller has already encoded.
#[derive(Debug, Clone)]
pub(crate) struct Tiff {
    pub(crate) is_big_endian: bool,
    pub(crate) is_bigtiff: bool,
    /// The values of each tag.
    tags: BTreeMap<u16, Values>,
    chunks: Vec<Vec<u8>>,
}

/// The values of a tag.
#[derive(Debug, Clone)]
pub(crate) enum Values {
    Short(Vec<u16>),
    Long(Vec<u32>),
    Rational(Vec<(u32, u32)>),
    Bytes(Vec<u8>),
}

pub(crate) const COMPRESSION: u16 = 259;
pub(crate) const PHOTOMETRIC: u16 = 262;
pub(crate) const FILL_ORDER: u16 = 266;
pub(crate) const STRIP_OFFSETS: u16 = 273;
pub(crate) const ORIENTATION: u16 = 274;
pub(crate) const ROWS_PER_STRIP: u16 = 278;
pub(crate) const STRIP_BYTE_COUNTS: u16 = 279;
pub(crate) const PLANAR_CONFIGURATION: u16 = 284;
pub(crate) const T4_OPTIONS: u16 = 292;
pub(crate) const PREDICTOR: u16 = 317;
pub(crate) const COLOR_MAP: u16 = 320;
pub(crate) const EXTRA_SAMPLES: u16 = 338;
pub(crate) const SAMPLE_FORMAT: u16 = 339;
pub(crate) const JPEG_TABLES: u16 = 347;
pub(crate) const YCBCR_COEFFICIENTS: u16 = 529;
pub(crate) const YCBCR_SUBSAMPLING: u16 = 530;
pub(crate) const REFERENCE_BLACK_WHITE: u16 = 532;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;

impl Tiff {
    /// A little-endian TIFF of this size without pixels. `bits` contains the number of bits of each sample.
    pub(crate) fn new((width, height): (u32, u32), photometric: u16, bits: &[u16]) -> Self {
        let tiff = Self { is_big_endian: false, is_bigtiff: false, tags: BTreeMap::new(), chunks: vec![] };
        let tiff = tiff.long(256, &[width]).long(257, &[height]).short(258, bits).short(PHOTOMETRIC, &[photometric]);
        tiff.short(277, &[u16::try_from(bits.len()).unwrap()])
    }

    pub(crate) fn short(self, tag: u16, values: &[u16]) -> Self {
        self.tag(tag, Values::Short(values.to_vec()))
    }

    pub(crate) fn long(self, tag: u16, values: &[u32]) -> Self {
        self.tag(tag, Values::Long(values.to_vec()))
    }

    pub(crate) fn tag(mut self, tag: u16, values: Values) -> Self {
        self.tags.insert(tag, values);
        self
    }

    pub(crate) fn without(mut self, tag: u16) -> Self {
        self.tags.remove(&tag);
        self
    }

    /// One strip with all rows, or one strip for each sample.
    pub(crate) fn strips(self, strips: Vec<Vec<u8>>) -> Self {
        let tiff = self.chunks(STRIP_OFFSETS, STRIP_BYTE_COUNTS, strips);
        let Some(Values::Long(height)) = tiff.tags.get(&257).cloned() else { unreachable!() };
        if tiff.tags.contains_key(&ROWS_PER_STRIP) { tiff } else { tiff.long(ROWS_PER_STRIP, &height) }
    }

    /// Tiles of this size, from left to right and from top to bottom.
    pub(crate) fn tiles(self, (width, height): (u32, u32), tiles: Vec<Vec<u8>>) -> Self {
        self.long(322, &[width]).long(323, &[height]).chunks(TILE_OFFSETS, TILE_BYTE_COUNTS, tiles)
    }

    pub(crate) fn big_endian(self, is_big_endian: bool) -> Self {
        Self { is_big_endian, ..self }
    }

    pub(crate) fn bigtiff(self, is_bigtiff: bool) -> Self {
        Self { is_bigtiff, ..self }
    }

    fn chunks(self, offsets: u16, counts: u16, chunks: Vec<Vec<u8>>) -> Self {
        let lengths: Vec<u32> = chunks.iter().map(|chunk| u32::try_from(chunk.len()).unwrap()).collect();
        Self { chunks, ..self.long(offsets, &vec![0; lengths.len()]).long(counts, &lengths) }
    }

    /// Builds the file: the header, the directory, the values that do not fit into the directory, and the chunks.
    pub(crate) fn build(&self) -> Vec<u8> {
        let (short, word, header) = if self.is_bigtiff { (8, 8, 16) } else { (2, 4, 8) };
        let entries = self.tags.len();
        let values_at = header + short + entries * (4 + 2 * word) + word;
        let outside: usize =
            self.tags.values().map(|values| self.bytes(values).len()).filter(|length| *length > word).sum();
        let mut chunk_at = values_at + outside;
        let mut positions = vec![];
        for chunk in &self.chunks {
            positions.push(u32::try_from(chunk_at).unwrap());
            chunk_at += chunk.len();
        }
        let mut tags = self.tags.clone();
        for tag in [STRIP_OFFSETS, TILE_OFFSETS] {
            tags.entry(tag).and_modify(|values| *values = Values::Long(positions.clone()));
        }
        let mut file = if self.is_big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        if self.is_bigtiff {
            file.extend([self.number(43, 2), self.number(8, 2), self.number(0, 2), self.number(16, 8)].concat());
        } else {
            file.extend([self.number(42, 2), self.number(8, 4)].concat());
        }
        file.extend(self.number(entries, short));
        let mut outside = vec![];
        for (tag, values) in &tags {
            let (kind, size) = values.kind();
            let mut bytes = self.bytes(values);
            file.extend([self.number(usize::from(*tag), 2), self.number(kind, 2)].concat());
            file.extend(self.number(bytes.len() / size, word));
            if bytes.len() > word {
                file.extend(self.number(values_at + outside.len(), word));
                outside.extend(bytes);
            } else {
                bytes.resize(word, 0);
                file.extend(bytes);
            }
        }
        file.extend(self.number(0, word));
        file.extend(outside);
        [file, self.chunks.concat()].concat()
    }

    fn bytes(&self, values: &Values) -> Vec<u8> {
        let numbers =
            |numbers: &[u32], size| numbers.iter().flat_map(|&value| self.number(value as usize, size)).collect();
        match values {
            Values::Short(values) => values.iter().flat_map(|&value| self.number(value.into(), 2)).collect(),
            Values::Long(values) => numbers(values, 4),
            Values::Rational(values) => values.iter().flat_map(|&(a, b)| numbers(&[a, b], 4)).collect(),
            Values::Bytes(bytes) => bytes.clone(),
        }
    }

    fn number(&self, number: usize, bytes: usize) -> Vec<u8> {
        if self.is_big_endian {
            number.to_be_bytes()[8 - bytes..].to_vec()
        } else {
            number.to_le_bytes()[..bytes].to_vec()
        }
    }
}

impl Values {
    /// The number of the type, and its size in bytes (TIFF 6.0, section 2).
    fn kind(&self) -> (usize, usize) {
        match self {
            Self::Short(_) => (3, 2),
            Self::Long(_) => (4, 4),
            Self::Rational(_) => (5, 8),
            Self::Bytes(_) => (7, 1),
        }
    }
}
