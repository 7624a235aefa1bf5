//! AV1 data without what decoders do not need, and what decoding it takes: libaom does not enforce our limits,
//! and metadata, padding and reserved units can hold arbitrary bytes.

mod bits;
mod sequence_header;

use bits::Bits;
use sequence_header::SequenceHeader;

/// Types of units (AV1 specification, 6.2.2).
const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const FRAME_HEADER: u8 = 3;
const TILE_GROUP: u8 = 4;
const METADATA: u8 = 5;
const FRAME: u8 = 6;

/// Types of metadata that are written, and the bytes of each (6.7.1): the brightness of the content, and the volume of the
/// display that it was mastered on.
const METADATA_LENGTHS: [(u8, usize); 2] = [(1, 4), (2, 24)];

/// A stream whose data comes in pieces, in the order of decoding.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// The one that was read last.
    sequence_header: Option<SequenceHeader>,
}

/// AV1 data that was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Data {
    /// Sequence headers, temporal delimiters, frames, and metadata about brightness.
    pub(crate) bytes: Vec<u8>,
    pub(crate) counts: Counts,
}

/// What decoding AV1 data takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Frames to decode, shown or hidden.
    pub(crate) frames: u64,
    /// Frames to output.
    pub(crate) shown: u64,
    /// Spatial layers that the sequence headers declare; 1 where they declare none.
    pub(crate) layers: u32,
    /// The pixels of the largest frame that the sequence headers allow; 0 where there is none.
    pub(crate) largest_frame: u64,
}

impl Counts {
    /// Of two pieces of data.
    pub(crate) fn and(self, next: Self) -> Self {
        Self {
            frames: self.frames + next.frames,
            shown: self.shown + next.shown,
            layers: self.layers.max(next.layers),
            largest_frame: self.largest_frame.max(next.largest_frame),
        }
    }
}

impl Stream {
    /// Reads the next data of the stream.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(&mut self, mut data: &[u8]) -> Result<Data, &'static str> {
        let mut result = Data { bytes: vec![], counts: Counts { layers: 1, ..Counts::default() } };
        while !data.is_empty() {
            let (unit, rest) = Unit::read(data).ok_or("an AV1 unit is longer than the data")?;
            self.unit(&unit, &mut result)?;
            data = rest;
        }
        Ok(result)
    }

    fn unit(&mut self, unit: &Unit<'_>, result: &mut Data) -> Result<(), &'static str> {
        match unit.kind {
            SEQUENCE_HEADER => {
                let header = SequenceHeader::read(unit.payload).ok_or("an AV1 sequence header is too short")?;
                let Counts { layers, largest_frame, .. } = &mut result.counts;
                *layers = header.spatial_layers.max(*layers);
                *largest_frame = header.largest_frame.max(*largest_frame);
                unit.write(&header.payload, &mut result.bytes);
                self.sequence_header = Some(header);
            }
            TEMPORAL_DELIMITER => unit.write(&[], &mut result.bytes),
            FRAME_HEADER | FRAME => {
                let sequence = self.sequence_header.as_ref().ok_or("an AV1 frame has no sequence header before it")?;
                let (is_coded, is_shown) = frame(unit.payload, sequence).ok_or("an AV1 frame header is too short")?;
                result.counts.frames += u64::from(is_coded);
                result.counts.shown += u64::from(is_shown);
                unit.write(unit.payload, &mut result.bytes);
            }
            TILE_GROUP => unit.write(unit.payload, &mut result.bytes),
            METADATA => {
                let length =
                    |kind| METADATA_LENGTHS.iter().find(|(known, _)| *known == kind).map(|(_, length)| *length);
                if let Some((kind, fields)) = unit.payload.split_first()
                    && let Some(fields) = length(*kind).and_then(|length| fields.get(..length))
                {
                    unit.write(&[&[*kind], fields, &[0x80]].concat(), &mut result.bytes);
                }
            }
            // Padding, tile lists, redundant frame headers and reserved types: no decoder needs them for an image.
            _ => {}
        }
        Ok(())
    }
}

/// Whether a frame has to be decoded and whether it is shown (5.9.2).
fn frame(payload: &[u8], sequence: &SequenceHeader) -> Option<(bool, bool)> {
    if sequence.is_reduced {
        return Some((true, true));
    }
    let mut bits = Bits::new(payload);
    if bits.flag()? {
        // One that was decoded before.
        return Some((false, true));
    }
    // The frame's type.
    bits.read(2)?;
    Some((true, bits.flag()?))
}

/// An open bitstream unit (5.3).
struct Unit<'data> {
    kind: u8,
    /// Temporal and spatial layer, where it says.
    layers: Option<u8>,
    payload: &'data [u8],
}

impl<'data> Unit<'data> {
    /// The first unit of the data, and what follows it.
    fn read(data: &'data [u8]) -> Option<(Self, &'data [u8])> {
        let (header, rest) = data.split_first()?;
        let (layers, rest) =
            if header & 4 == 0 { (None, rest) } else { rest.split_first().map(|(l, r)| (Some(*l), r))? };
        let (size, rest) = if header & 2 == 0 { (rest.len(), rest) } else { leb128(rest)? };
        let (payload, behind) = rest.split_at_checked(size)?;
        Some((Self { kind: header >> 3 & 15, layers, payload }, behind))
    }

    /// The same unit with that payload; reserved bits are zero.
    fn write(&self, payload: &[u8], to: &mut Vec<u8>) {
        to.push(self.kind << 3 | if self.layers.is_some() { 6 } else { 2 });
        to.extend(self.layers.map(|layers| layers & 0xf8));
        let mut size = payload.len();
        while size > 0x7f {
            to.push(u8::try_from(size & 0x7f).unwrap_or_default() | 0x80);
            size >>= 7;
        }
        to.push(u8::try_from(size).unwrap_or_default());
        to.extend_from_slice(payload);
    }
}

/// A number in groups of seven bits, the lowest first (4.10.5), and what follows it.
fn leb128(data: &[u8]) -> Option<(usize, &[u8])> {
    let length = data.iter().take(8).position(|byte| byte & 0x80 == 0)? + 1;
    let (bytes, rest) = data.split_at(length);
    let number = bytes.iter().rev().fold(0_u64, |number, byte| number << 7 | u64::from(byte & 0x7f));
    Some((usize::try_from(number).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields and their widths in bits.
    fn packed(fields: &[(u64, u32)]) -> Vec<u8> {
        let bits: Vec<u8> = fields
            .iter()
            .flat_map(|&(value, bits)| (0..bits).rev().map(move |bit| u8::try_from(value >> bit & 1).unwrap()))
            .collect();
        bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |sum, (at, bit)| sum | bit << (7 - at))).collect()
    }

    fn unit(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![];
        Unit { kind, layers: None, payload }.write(payload, &mut bytes);
        bytes
    }

    fn read(data: &[u8]) -> Result<Data, &'static str> {
        Stream::default().read(data)
    }

    const SIZE: [(u64, u32); 4] = [(11, 4), (9, 4), (3999, 12), (999, 10)];
    /// Tools, 8 bits of 4:2:0 without code points, no film grain; then the bit that ends the payload.
    const REDUCED_REST: [(u64, u32); 5] = [(0, 6), (0, 3), (0, 3), (0, 2), (1, 1)];
    const WHOLE_REST: [(u64, u32); 8] = [(0, 1), (0, 3), (0, 5), (1, 1), (1, 1), (0, 3), (0, 8), (1, 1)];

    fn still() -> Vec<u8> {
        packed(&[&[(0, 3), (1, 1), (1, 1), (8, 5)][..], &SIZE, &REDUCED_REST].concat())
    }

    /// With that many spatial layers.
    fn whole(layers: u64) -> Vec<u8> {
        let start = [(0, 3), (0, 1), (0, 1), (0, 1), (0, 1), (0, 5), (layers << 8, 12), (4, 5)];
        packed(&[&start[..], &SIZE, &WHOLE_REST].concat())
    }

    #[test]
    fn reduced_sequence_header_is_read() {
        let data = unit(SEQUENCE_HEADER, &still());
        let read = read(&data).unwrap();
        assert_eq!((read.counts.largest_frame, read.counts.layers, &read.bytes), (4_000_000, 1, &data));
        // Behind a temporal delimiter, and without a size of its own.
        let bare = [&[0x12, 0, 0x08], &data[2..]].concat();
        assert_eq!(self::read(&bare).unwrap().bytes, [&[0x12, 0], &data[..]].concat());
    }

    #[test]
    fn whole_sequence_header_is_read_with_all_optional_fields() {
        let timing = [(1, 1), (1, 32), (30, 32), (1, 1), (1, 3), (2, 2)];
        let model = [(1, 1), (9, 5), (1, 32), (0, 10)];
        let point = [(0x301, 12), (9, 5), (1, 1), (1, 1), (5, 10), (6, 10), (1, 1), (1, 1), (3, 4)];
        let start = [&[(0, 3), (0, 1), (0, 1)][..], &timing, &model, &[(1, 1), (1, 5)], &point, &point].concat();
        // Frame numbers, order hints, forced tools; 12 bits of 4:2:2 with code points.
        let rest = [(1, 1), (0, 7), (0, 7), (1, 1), (0, 2), (0, 1), (1, 1), (0, 1), (1, 1), (0, 3), (0, 3)];
        let color = [(0, 1), (0, 1), (1, 1), (9, 8), (16, 8), (9, 8), (0, 1), (0, 2), (0, 1), (0, 1), (1, 1)];
        let header = SequenceHeader::read(&packed(&[&start[..], &SIZE, &rest, &color].concat())).unwrap();
        assert_eq!((header.largest_frame, header.spatial_layers, header.is_reduced), (4_000_000, 2, false));
    }

    #[test]
    fn short_units_and_frames_without_sequence_header_are_errors() {
        let data = unit(SEQUENCE_HEADER, &still());
        assert_eq!(read(&data[..6]), Err("an AV1 unit is longer than the data"));
        assert_eq!(read(&unit(SEQUENCE_HEADER, &still()[..5])), Err("an AV1 sequence header is too short"));
        assert_eq!(read(&unit(FRAME, &[0; 9])), Err("an AV1 frame has no sequence header before it"));
        assert_eq!(
            read(&[unit(SEQUENCE_HEADER, &whole(0)), unit(FRAME, &[])].concat()),
            Err("an AV1 frame header is too short")
        );
    }

    #[test]
    fn frames_are_counted() {
        let (shown, hidden, again) = (unit(FRAME, &[0x10, 0]), unit(FRAME, &[0x20, 0]), unit(FRAME_HEADER, &[0x80]));
        let data = read(&[unit(SEQUENCE_HEADER, &whole(3)), shown, hidden, again].concat()).unwrap().counts;
        assert_eq!((data.frames, data.shown, data.layers), (2, 2, 2));
        let data = read(&[unit(SEQUENCE_HEADER, &still()), unit(FRAME, &[0]), unit(FRAME, &[0])].concat());
        let data = data.unwrap().counts;
        assert_eq!((data.frames, data.shown, data.layers), (2, 2, 1));
    }

    #[test]
    fn only_needed_units_are_written() {
        let (header, frame) = (unit(SEQUENCE_HEADER, &still()), unit(FRAME, &[1; 200]));
        let brightness = unit(METADATA, &[1, 2, 3, 4, 5, 0x80]);
        let secrets = [
            unit(METADATA, b"\x04\xb5secret"),
            unit(METADATA, b"\x20secret"),
            unit(7, b"secret"),
            unit(8, b"secret"),
            unit(9, b"secret"),
            unit(15, b"secret"),
            unit(TEMPORAL_DELIMITER, b"secret"),
            unit(METADATA, b"\x01\x02\x03\x04\x05secret"),
            unit(SEQUENCE_HEADER, &[&still()[..], b"secret"].concat()),
        ];
        let data = read(&[&header[..], &secrets.concat(), &frame].concat()).unwrap();
        assert_eq!(data.bytes, [&header[..], &[0x12, 0], &brightness, &header, &frame].concat());
    }
}
