//! Copies only those OBUs (open bitstream units) of AV1 data that decoders need, because metadata, padding and reserved
//! OBUs can contain arbitrary bytes. Counts the frames that a decoder must decode, because libaom does not enforce our
//! limits.

mod bits;
mod sequence_header;

use bits::BitReader;
use sequence_header::SequenceHeader;

/// OBU types (AV1 specification, 6.2.2).
const OBU_SEQUENCE_HEADER: u8 = 1;
const OBU_TEMPORAL_DELIMITER: u8 = 2;
const OBU_FRAME_HEADER: u8 = 3;
const OBU_TILE_GROUP: u8 = 4;
const OBU_METADATA: u8 = 5;
const OBU_FRAME: u8 = 6;

/// Metadata types that are copied, each with its size in bytes (6.7.1): content light level and mastering display color
/// volume.
const METADATA_SIZES: [(u8, usize); 2] = [(1, 4), (2, 24)];

/// Reads the AV1 data of one stream, piece by piece in decoding order.
#[derive(Debug, Default)]
pub(crate) struct StreamReader {
    /// The last sequence header that was read.
    sequence_header: Option<SequenceHeader>,
}

/// AV1 data that contains only the OBUs that decoders need.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct FilteredObus {
    /// Sequence headers, temporal delimiters, frames, and metadata about brightness.
    pub(crate) bytes: Vec<u8>,
    pub(crate) summary: StreamSummary,
}

/// Properties of AV1 data that determine the work of decoding it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StreamSummary {
    /// The number of frames that a decoder must decode, including hidden frames.
    pub(crate) coded_frames: u64,
    /// The number of frames that a decoder outputs.
    pub(crate) shown_frames: u64,
    /// The number of spatial layers that the sequence headers declare; 1 if the headers declare no layers.
    pub(crate) spatial_layers: u32,
    /// Pixels of the largest frame that the sequence headers allow; 0 without a sequence header.
    pub(crate) max_frame_pixels: u64,
}

impl StreamSummary {
    /// Combines the summaries of two pieces of data.
    pub(crate) fn combine(self, next: Self) -> Self {
        Self {
            coded_frames: self.coded_frames + next.coded_frames,
            shown_frames: self.shown_frames + next.shown_frames,
            spatial_layers: self.spatial_layers.max(next.spatial_layers),
            max_frame_pixels: self.max_frame_pixels.max(next.max_frame_pixels),
        }
    }
}

impl StreamReader {
    /// Reads the next data of the stream.
    ///
    /// # Errors
    /// Returns a message that says which OBU is damaged.
    pub(crate) fn read(&mut self, mut data: &[u8]) -> Result<FilteredObus, &'static str> {
        let mut result =
            FilteredObus { bytes: vec![], summary: StreamSummary { spatial_layers: 1, ..StreamSummary::default() } };
        while !data.is_empty() {
            let (obu, rest) = Obu::read(data).ok_or("an AV1 OBU is longer than the data")?;
            self.read_obu(&obu, &mut result)?;
            data = rest;
        }
        Ok(result)
    }

    fn read_obu(&mut self, obu: &Obu<'_>, result: &mut FilteredObus) -> Result<(), &'static str> {
        match obu.kind {
            OBU_SEQUENCE_HEADER => {
                let header = SequenceHeader::read(obu.payload).ok_or("an AV1 sequence header is too short")?;
                let StreamSummary { spatial_layers, max_frame_pixels, .. } = &mut result.summary;
                *spatial_layers = header.spatial_layers.max(*spatial_layers);
                *max_frame_pixels = header.max_frame_pixels.max(*max_frame_pixels);
                obu.write(&header.payload, &mut result.bytes);
                self.sequence_header = Some(header);
            }
            OBU_TEMPORAL_DELIMITER => obu.write(&[], &mut result.bytes),
            OBU_FRAME_HEADER | OBU_FRAME => {
                let sequence = self.sequence_header.as_ref().ok_or("an AV1 frame has no sequence header before it")?;
                let frame = FrameHeader::read(obu.payload, sequence).ok_or("an AV1 frame header is too short")?;
                result.summary.coded_frames += u64::from(frame.is_coded);
                result.summary.shown_frames += u64::from(frame.is_shown);
                obu.write(obu.payload, &mut result.bytes);
            }
            OBU_TILE_GROUP => obu.write(obu.payload, &mut result.bytes),
            OBU_METADATA => {
                let length = |kind| METADATA_SIZES.iter().find(|(known, _)| *known == kind).map(|(_, length)| *length);
                if let Some((kind, fields)) = obu.payload.split_first()
                    && let Some(fields) = length(*kind).and_then(|length| fields.get(..length))
                {
                    obu.write(&[&[*kind], fields, &[0x80]].concat(), &mut result.bytes);
                }
            }
            // Padding, tile lists, redundant frame headers and reserved types are dropped, because decoders can show
            // the image without these OBUs.
            _ => {}
        }
        Ok(())
    }
}

/// Whether the data consists of whole OBUs.
pub(crate) fn consists_of_obus(mut data: &[u8]) -> bool {
    while let Some((_, rest)) = Obu::read(data) {
        data = rest;
    }
    data.is_empty()
}

/// The properties of a frame that its header declares (5.9.2).
struct FrameHeader {
    /// Whether the frame has coded data. Without coded data, the header only shows a frame that was decoded before.
    is_coded: bool,
    /// Whether a decoder outputs the frame.
    is_shown: bool,
}

impl FrameHeader {
    /// Reads the payload of a frame OBU or of a frame header OBU. Returns `None` if the payload ends too early.
    fn read(payload: &[u8], sequence: &SequenceHeader) -> Option<Self> {
        if sequence.has_reduced_header {
            return Some(Self { is_coded: true, is_shown: true });
        }
        let mut bits = BitReader::new(payload);
        let show_existing_frame = bits.read_flag()?;
        if show_existing_frame {
            return Some(Self { is_coded: false, is_shown: true });
        }
        // Skips `frame_type`.
        bits.read(2)?;
        Some(Self { is_coded: true, is_shown: bits.read_flag()? })
    }
}

/// An open bitstream unit (5.3).
struct Obu<'data> {
    kind: u8,
    /// The OBU extension header (temporal and spatial layer), if present.
    extension: Option<u8>,
    payload: &'data [u8],
}

impl<'data> Obu<'data> {
    /// Reads the first OBU of the data. Returns the OBU and the data that follows.
    fn read(data: &'data [u8]) -> Option<(Self, &'data [u8])> {
        let (header, rest) = data.split_first()?;
        let (extension, rest) =
            if header & 4 == 0 { (None, rest) } else { rest.split_first().map(|(byte, rest)| (Some(*byte), rest))? };
        let (size, rest) = if header & 2 == 0 { (rest.len(), rest) } else { leb128(rest)? };
        let (payload, rest_after) = rest.split_at_checked(size)?;
        Some((Self { kind: header >> 3 & 15, extension, payload }, rest_after))
    }

    /// Appends an OBU with this OBU's header and the given payload. Reserved bits of the header are set to zero.
    fn write(&self, payload: &[u8], to: &mut Vec<u8>) {
        to.push(self.kind << 3 | if self.extension.is_some() { 6 } else { 2 });
        to.extend(self.extension.map(|extension| extension & 0xf8));
        let mut size = payload.len();
        while size > 0x7f {
            to.push(u8::try_from(size & 0x7f).unwrap_or_default() | 0x80);
            size >>= 7;
        }
        to.push(u8::try_from(size).unwrap_or_default());
        to.extend_from_slice(payload);
    }
}

/// Reads a `leb128()` number: groups of seven bits, the lowest first (4.10.5). Returns the number and the data that
/// follows.
fn leb128(data: &[u8]) -> Option<(usize, &[u8])> {
    let length = data.iter().take(8).position(|byte| byte & 0x80 == 0)? + 1;
    let (bytes, rest) = data.split_at(length);
    let number = bytes.iter().rev().fold(0_u64, |number, byte| number << 7 | u64::from(byte & 0x7f));
    Some((usize::try_from(number).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packs fields into bytes. Each field is a value and its width in bits.
    fn pack_bits(fields: &[(u64, u32)]) -> Vec<u8> {
        let bits: Vec<u8> = fields
            .iter()
            .flat_map(|&(value, bits)| (0..bits).rev().map(move |bit| u8::try_from(value >> bit & 1).unwrap()))
            .collect();
        bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |sum, (at, bit)| sum | bit << (7 - at))).collect()
    }

    fn obu(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![];
        Obu { kind, extension: None, payload }.write(payload, &mut bytes);
        bytes
    }

    fn read(data: &[u8]) -> Result<FilteredObus, &'static str> {
        StreamReader::default().read(data)
    }

    const DIMENSIONS: [(u64, u32); 4] = [(11, 4), (9, 4), (3999, 12), (999, 10)];
    /// The end of a reduced header. Its fields declare no coding tools, 8-bit 4:2:0 without code points, and no film
    /// grain. The trailing bit follows.
    const REDUCED_HEADER_END: [(u64, u32); 5] = [(0, 6), (0, 3), (0, 3), (0, 2), (1, 1)];
    const FULL_HEADER_END: [(u64, u32); 8] = [(0, 1), (0, 3), (0, 5), (1, 1), (1, 1), (0, 3), (0, 8), (1, 1)];

    fn reduced_sequence_header() -> Vec<u8> {
        pack_bits(&[&[(0, 3), (1, 1), (1, 1), (8, 5)][..], &DIMENSIONS, &REDUCED_HEADER_END].concat())
    }

    /// A sequence header with this number of spatial layers.
    fn full_sequence_header(layers: u64) -> Vec<u8> {
        let start = [(0, 3), (0, 1), (0, 1), (0, 1), (0, 1), (0, 5), (layers << 8, 12), (4, 5)];
        pack_bits(&[&start[..], &DIMENSIONS, &FULL_HEADER_END].concat())
    }

    #[test]
    fn reduced_sequence_header_is_read() {
        let data = obu(OBU_SEQUENCE_HEADER, &reduced_sequence_header());
        let read = read(&data).unwrap();
        assert_eq!((read.summary.max_frame_pixels, read.summary.spatial_layers, &read.bytes), (4_000_000, 1, &data));
        // Here the OBU has no size field and follows a temporal delimiter. The copied OBU has a size field.
        let bare = [&[0x12, 0, 0x08], &data[2..]].concat();
        assert_eq!(self::read(&bare).unwrap().bytes, [&[0x12, 0], &data[..]].concat());
    }

    #[test]
    fn full_sequence_header_with_optional_fields_is_read() {
        let timing = [(1, 1), (1, 32), (30, 32), (1, 1), (1, 3), (2, 2)];
        let model = [(1, 1), (9, 5), (1, 32), (0, 10)];
        let point = [(0x301, 12), (9, 5), (1, 1), (1, 1), (5, 10), (6, 10), (1, 1), (1, 1), (3, 4)];
        let start = [&[(0, 3), (0, 1), (0, 1)][..], &timing, &model, &[(1, 1), (1, 5)], &point, &point].concat();
        // `rest` enables frame numbers and order hints, and forces the choice of two coding tools. `color` declares
        // 8-bit 4:2:0 with code points.
        let rest = [(1, 1), (0, 7), (0, 7), (1, 1), (0, 2), (0, 1), (1, 1), (0, 1), (1, 1), (0, 3), (0, 3)];
        let color = [(0, 1), (0, 1), (1, 1), (9, 8), (16, 8), (9, 8), (0, 1), (0, 2), (0, 1), (0, 1), (1, 1)];
        let header = SequenceHeader::read(&pack_bits(&[&start[..], &DIMENSIONS, &rest, &color].concat())).unwrap();
        assert_eq!((header.max_frame_pixels, header.spatial_layers, header.has_reduced_header), (4_000_000, 2, false));
    }

    #[test]
    fn truncated_obus_and_frames_without_a_sequence_header_are_errors() {
        let data = obu(OBU_SEQUENCE_HEADER, &reduced_sequence_header());
        assert_eq!(read(&data[..6]), Err("an AV1 OBU is longer than the data"));
        assert_eq!(
            read(&obu(OBU_SEQUENCE_HEADER, &reduced_sequence_header()[..5])),
            Err("an AV1 sequence header is too short")
        );
        assert_eq!(read(&obu(OBU_FRAME, &[0; 9])), Err("an AV1 frame has no sequence header before it"));
        assert_eq!(
            read(&[obu(OBU_SEQUENCE_HEADER, &full_sequence_header(0)), obu(OBU_FRAME, &[])].concat()),
            Err("an AV1 frame header is too short")
        );
    }

    #[test]
    fn coded_and_shown_frames_are_counted() {
        let (shown, hidden, again) =
            (obu(OBU_FRAME, &[0x10, 0]), obu(OBU_FRAME, &[0x20, 0]), obu(OBU_FRAME_HEADER, &[0x80]));
        let data =
            read(&[obu(OBU_SEQUENCE_HEADER, &full_sequence_header(3)), shown, hidden, again].concat()).unwrap().summary;
        assert_eq!((data.coded_frames, data.shown_frames, data.spatial_layers), (2, 2, 2));
        let data = read(
            &[obu(OBU_SEQUENCE_HEADER, &reduced_sequence_header()), obu(OBU_FRAME, &[0]), obu(OBU_FRAME, &[0])]
                .concat(),
        );
        let data = data.unwrap().summary;
        assert_eq!((data.coded_frames, data.shown_frames, data.spatial_layers), (2, 2, 1));
    }

    #[test]
    fn only_obus_that_decoders_need_are_copied() {
        let (header, frame) = (obu(OBU_SEQUENCE_HEADER, &reduced_sequence_header()), obu(OBU_FRAME, &[1; 200]));
        let brightness = obu(OBU_METADATA, &[1, 2, 3, 4, 5, 0x80]);
        let removed = [
            obu(OBU_METADATA, b"\x04\xb5secret"),
            obu(OBU_METADATA, b"\x20secret"),
            obu(7, b"secret"),
            obu(8, b"secret"),
            obu(9, b"secret"),
            obu(15, b"secret"),
            obu(OBU_TEMPORAL_DELIMITER, b"secret"),
            obu(OBU_METADATA, b"\x01\x02\x03\x04\x05secret"),
            obu(OBU_SEQUENCE_HEADER, &[&reduced_sequence_header()[..], b"secret"].concat()),
        ];
        let data = read(&[&header[..], &removed.concat(), &frame].concat()).unwrap();
        assert_eq!(data.bytes, [&header[..], &[0x12, 0], &brightness, &header, &frame].concat());
    }
}
