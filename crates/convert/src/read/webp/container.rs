//! The container of a WebP (WebP container specification, "Extended File Format"), read as libwebp's demuxer reads it,
//! which browsers use. `image-webp` is stricter: it rejects a file that announces chunks that are absent.

use super::chunks::{Chunk, chunks_in};

/// Flags in the first byte of a VP8X chunk.
pub(super) const ICC_FLAG: u8 = 1 << 5;
pub(super) const ALPHA_FLAG: u8 = 1 << 4;
pub(super) const EXIF_FLAG: u8 = 1 << 3;
pub(super) const XMP_FLAG: u8 = 1 << 2;
pub(super) const ANIMATION_FLAG: u8 = 1 << 1;

/// The chunks of a file.
#[derive(Clone, Copy)]
pub(super) struct Container<'bytes> {
    /// The flags and the size of the canvas. `None` in the simple format, which consists of one image.
    pub(super) extended: Option<(u8, (u32, u32))>,
    chunks: &'bytes [u8],
}

impl<'bytes> Container<'bytes> {
    /// Reads the chunks up to the end that the RIFF header declares. If no complete image precedes this end, the declared
    /// length is wrong, and all bytes of the file are read.
    pub(super) fn read(bytes: &'bytes [u8]) -> Self {
        let length =
            bytes.get(4..).and_then(|length| length.first_chunk()).map_or(0, |length| u32::from_le_bytes(*length));
        let end = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(8).min(bytes.len());
        let has_image = |chunks| chunks_in(chunks).any(|chunk| chunk.is_image() || chunk.name == b"ANMF");
        let declared = bytes.get(12..end).filter(|chunks| has_image(chunks));
        let chunks = declared.or_else(|| bytes.get(12..)).unwrap_or_default();
        let first = chunks_in(chunks).next().filter(|chunk| chunk.name == b"VP8X");
        Self { extended: first.and_then(|chunk| read_extended_header(chunk.data)), chunks }
    }

    pub(super) fn has_flag(&self, flag: u8) -> bool {
        self.extended.is_some_and(|(flags, _)| flags & flag != 0)
    }

    /// The chunks, with a last chunk that may be incomplete.
    pub(super) fn bytes(&self) -> &'bytes [u8] {
        self.chunks
    }

    /// The complete chunks.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Chunk<'bytes>> + use<'bytes> {
        chunks_in(self.chunks)
    }

    /// Returns the data of the first chunk with this name. Like libwebp, it ignores chunks whose flag is not set.
    pub(super) fn metadata(&self, name: [u8; 4], flag: u8) -> Option<&'bytes [u8]> {
        let chunk = self.chunks().filter(|_| self.has_flag(flag)).find(|chunk| *chunk.name == name);
        chunk.map(|chunk| chunk.data)
    }

    /// Returns the still image. Returns `None` if its chunk is missing or incomplete.
    pub(super) fn still_image(&self) -> Option<StillImage<'bytes>> {
        if self.extended.is_none() {
            let image = self.chunks().next().filter(Chunk::is_image)?;
            return Some(StillImage { alpha: None, image });
        }
        let image = StillImage::find(self.chunks)?;
        Some(StillImage { alpha: image.alpha.filter(|_| self.has_flag(ALPHA_FLAG)), ..image })
    }
}

fn read_extended_header(data: &[u8]) -> Option<(u8, (u32, u32))> {
    let &[flags, _, _, _, w0, w1, w2, h0, h1, h2, ..] = data else { return None };
    let [width, height] = [[w0, w1, w2, 0], [h0, h1, h2, 0]].map(|side| u32::from_le_bytes(side) + 1);
    Some((flags, (width, height)))
}

/// The chunks of an image or of a frame.
pub(super) struct StillImage<'bytes> {
    /// The alpha channel of a lossy image.
    alpha: Option<&'bytes [u8]>,
    image: Chunk<'bytes>,
}

impl<'bytes> StillImage<'bytes> {
    /// Finds the first image in a sequence of chunks. A lossless image contains its alpha channel, so a separate one is
    /// ignored.
    pub(super) fn find(chunks: &'bytes [u8]) -> Option<Self> {
        let image = chunks_in(chunks).find(Chunk::is_image)?;
        let alpha = chunks_in(chunks).find(|chunk| chunk.name == b"ALPH" && image.name == b"VP8 ");
        Some(Self { alpha: alpha.map(|chunk| chunk.data), image })
    }

    /// The length of [`Self::to_file`], except for the headers.
    pub(super) fn len(&self) -> usize {
        self.image.data.len() + self.alpha.map_or(0, <[u8]>::len)
    }

    /// Returns a file that contains only this image, of the given size, so that the decoder sees no other chunks.
    pub(super) fn to_file(&self, (width, height): (u32, u32)) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WEBP".to_vec();
        if let Some(alpha) = self.alpha {
            let [width, height] = [width, height].map(|side| side.saturating_sub(1).to_le_bytes());
            let header = [&[ALPHA_FLAG, 0, 0, 0], &width[..3], &height[..3]].concat();
            Chunk { name: b"VP8X", data: &header }.write(&mut file);
            Chunk { name: b"ALPH", data: alpha }.write(&mut file);
        }
        self.image.write(&mut file);
        let length = u32::try_from(file.len() - 8).unwrap_or(u32::MAX);
        file[4..8].copy_from_slice(&length.to_le_bytes());
        file
    }
}
