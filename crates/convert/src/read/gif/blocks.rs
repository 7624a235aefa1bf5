//! The blocks of a GIF (specification of GIF 89a, sections 17 to 27), read as Chromium's decoder, Wuffs, reads them
//! (`std/gif` of google/wuffs).

use crate::animation::FrameDisposal;

/// The logical screen, and the bytes after it.
pub(super) struct Screen<'bytes> {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Red, green and blue of each entry. Empty if the file has no global palette.
    pub(super) palette: &'bytes [u8],
    rest: &'bytes [u8],
}

impl<'bytes> Screen<'bytes> {
    /// Reads the header of a file. Returns `None` if it is incomplete.
    pub(super) fn read(bytes: &'bytes [u8]) -> Option<Self> {
        // The signature, the width, the height, the flags, the background color and the aspect ratio.
        let (header, rest) = bytes.split_first_chunk::<13>()?;
        let (palette, rest) = read_palette(header[10], rest)?;
        Some(Self { width: u16_le(header, 6), height: u16_le(header, 8), palette, rest })
    }

    pub(super) fn blocks(&self) -> Blocks<'bytes> {
        Blocks { rest: self.rest, control: GraphicControl::default() }
    }
}

/// A block that affects the image or its metadata.
pub(super) enum Block<'bytes> {
    Frame(Frame<'bytes>),
    /// The number of repetitions in Netscape's extension. 0 means that the animation repeats forever.
    Repetitions(u16),
    /// The sub-blocks with the ICC profile.
    Icc(SubBlocks<'bytes>),
    /// The XMP packet.
    Xmp(&'bytes [u8]),
}

/// A frame. Its data may be truncated.
pub(super) struct Frame<'bytes> {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) is_interlaced: bool,
    /// Red, green and blue of each entry, unless the frame uses the global palette.
    pub(super) palette: Option<&'bytes [u8]>,
    pub(super) control: GraphicControl,
    /// The number of bits of a palette index in the LZW data.
    pub(super) code_size: u8,
    pub(super) data: SubBlocks<'bytes>,
}

/// The content of a graphic control extension, which precedes the frame to which it applies (section 23).
#[derive(Debug, Clone, Copy)]
pub(super) struct GraphicControl {
    pub(super) transparent: Option<u8>,
    pub(super) disposal: FrameDisposal,
    /// In hundredths of a second.
    pub(super) delay: u16,
}

impl Default for GraphicControl {
    fn default() -> Self {
        Self { transparent: None, disposal: FrameDisposal::Keep, delay: 0 }
    }
}

/// The sub-blocks of a block (section 15): each begins with its length in one byte.
#[derive(Debug, Clone)]
pub(super) struct SubBlocks<'bytes>(&'bytes [u8]);

impl<'bytes> Iterator for SubBlocks<'bytes> {
    type Item = &'bytes [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let (&length, rest) = self.0.split_first()?;
        let (data, rest) = rest.split_at(usize::from(length).min(rest.len()));
        self.0 = rest;
        Some(data)
    }
}

/// The blocks in order.
///
/// The end of the file ends the image, even if the trailer is missing. An unknown byte also ends the image, as in
/// Chromium, if no further frame follows. The last item is an error message if the file is damaged between two frames.
pub(super) struct Blocks<'bytes> {
    rest: &'bytes [u8],
    control: GraphicControl,
}

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;
const GRAPHIC_CONTROL: u8 = 0xf9;
const APPLICATION: u8 = 0xff;
const TRUNCATED: &str = "it ends within a block";

impl<'bytes> Iterator for Blocks<'bytes> {
    type Item = Result<Block<'bytes>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&kind, rest) = self.rest.split_first()?;
            self.rest = rest;
            let block = match kind {
                EXTENSION => self.read_extension(),
                IMAGE => self.read_frame().map(|frame| Some(Block::Frame(frame))).ok_or(TRUNCATED),
                TRAILER => {
                    self.rest = &[];
                    return None;
                }
                _ if has_graphic_control(rest) => Err("unknown bytes precede further frames"),
                _ => {
                    self.rest = &[];
                    return None;
                }
            };
            match block {
                Ok(Some(block)) => return Some(Ok(block)),
                Ok(None) => {}
                Err(damage) => {
                    self.rest = &[];
                    return Some(Err(damage));
                }
            }
        }
    }
}

impl<'bytes> Blocks<'bytes> {
    fn take(&mut self, length: usize) -> Option<&'bytes [u8]> {
        let (data, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(data)
    }

    /// Takes sub-blocks up to their terminator. Returns whether the terminator is present.
    fn take_sub_blocks(&mut self) -> (SubBlocks<'bytes>, bool) {
        let all = self.rest;
        loop {
            let length = match self.take(1) {
                Some([0]) => return (SubBlocks(&all[..all.len() - self.rest.len() - 1]), true),
                Some([length]) => usize::from(*length),
                _ => return (SubBlocks(all), false),
            };
            if self.take(length).is_none() {
                self.rest = &[];
            }
        }
    }

    /// Reads an extension. Returns `Ok(None)` if the extension has no meaning for the image.
    fn read_extension(&mut self) -> Result<Option<Block<'bytes>>, &'static str> {
        match self.take(1).ok_or(TRUNCATED)? {
            [GRAPHIC_CONTROL] => {
                self.control = GraphicControl::read(self.take(6).ok_or(TRUNCATED)?)?;
                Ok(None)
            }
            [APPLICATION] => self.read_application(),
            _ => self.take_sub_blocks().1.then_some(None).ok_or(TRUNCATED),
        }
    }

    fn read_application(&mut self) -> Result<Option<Block<'bytes>>, &'static str> {
        let (mut sub_blocks, true) = self.take_sub_blocks() else { return Err(TRUNCATED) };
        let name = sub_blocks.next();
        Ok(match name {
            Some(b"NETSCAPE2.0" | b"ANIMEXTS1.0") => match sub_blocks.next() {
                Some(&[1, low, high]) => Some(Block::Repetitions(u16::from_le_bytes([low, high]))),
                _ => None,
            },
            Some(b"ICCRGBG1012") => Some(Block::Icc(sub_blocks)),
            // The packet is not divided into sub-blocks. A list of all byte values from 255 to 0 follows it, so that
            // readers of sub-blocks find the end (XMP specification, part 3, 1.1.2). The walk ends within the list.
            Some(b"XMP DataXMP") => {
                let packet = sub_blocks.0;
                let end = packet.windows(4).rposition(|window| window == [1, 255, 254, 253]).unwrap_or(packet.len());
                Some(Block::Xmp(&packet[..end]))
            }
            _ => None,
        })
    }

    /// Reads a frame. Returns `None` if the file ends before the frame's data.
    fn read_frame(&mut self) -> Option<Frame<'bytes>> {
        let descriptor: &[u8; 9] = self.take(9)?.try_into().ok()?;
        let flags = descriptor[8];
        let (palette, rest) = read_palette(flags, self.rest)?;
        self.rest = rest;
        let code_size = self.take(1)?[0];
        let [left, top, width, height] = [0, 2, 4, 6].map(|at| u16_le(descriptor, at));
        Some(Frame {
            left,
            top,
            width,
            height,
            is_interlaced: flags & 0x40 != 0,
            palette: (flags & 0x80 != 0).then_some(palette),
            control: std::mem::take(&mut self.control),
            code_size,
            data: self.take_sub_blocks().0,
        })
    }
}

impl GraphicControl {
    /// Reads the extension's only sub-block, with its length and its terminator.
    fn read(data: &[u8]) -> Result<Self, &'static str> {
        let &[4, flags, low, high, transparent, 0] = data else { return Err("a graphic control extension is invalid") };
        let disposal = match flags >> 2 & 7 {
            2 => FrameDisposal::Background,
            // The specification does not define 4. Some encoders write it instead of 3.
            3 | 4 => FrameDisposal::Previous,
            _ => FrameDisposal::Keep,
        };
        let transparent = (flags & 1 != 0).then_some(transparent);
        Ok(Self { transparent, disposal, delay: u16::from_le_bytes([low, high]) })
    }
}

/// Whether the bytes contain a graphic control extension, followed by another block. Most encoders write one before each frame
/// of an animation.
fn has_graphic_control(bytes: &[u8]) -> bool {
    bytes.windows(9).any(|window| matches!(window, [EXTENSION, GRAPHIC_CONTROL, 4, _, _, _, _, 0, IMAGE | EXTENSION]))
}

/// Reads a palette of the size in the lowest three bits of the flags. It is empty if the highest bit is 0. Returns
/// `None` if it is incomplete.
fn read_palette(flags: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = if flags & 0x80 == 0 { 0 } else { 3 << (1 + (flags & 7)) };
    bytes.split_at_checked(length)
}

fn u16_le(bytes: &[u8], at: usize) -> u32 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]]).into()
}
