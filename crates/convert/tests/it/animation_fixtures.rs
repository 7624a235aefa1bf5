//! Builds animations in every animated format for tests.

use image::{DynamicImage, ImageFormat, RgbaImage};

use crate::fixtures::encode_image;

/// A frame as it is stored in the file.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// The horizontal position in pixels. WebP allows only even coordinates.
    pub(crate) left: u16,
    pub(crate) top: u16,
    pub(crate) pixels: RgbaImage,
    pub(crate) milliseconds: u16,
    /// Whether the frame is blended with the canvas. If false, the frame replaces the pixels of the canvas.
    pub(crate) is_blended: bool,
    pub(crate) disposal: FrameDisposal,
}

/// How the area of a frame changes before the next frame is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameDisposal {
    Keep,
    Background,
    /// WebP does not support this disposal.
    Previous,
}

/// Builds a GIF. `repetitions` is the number in Netscape's extension, where 0 means forever. If `repetitions` is
/// `None`, the GIF has no such extension.
pub(crate) fn gif(width: u16, height: u16, frames: &[Frame], repetitions: Option<u16>) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, &[]).unwrap();
    if let Some(repetitions) = repetitions {
        let repeat = if repetitions == 0 { gif::Repeat::Infinite } else { gif::Repeat::Finite(repetitions) };
        encoder.set_repeat(repeat).unwrap();
    }
    for frame in frames {
        let (frame_width, frame_height) = frame.pixels.dimensions();
        let [frame_width, frame_height] = [frame_width, frame_height].map(|side| u16::try_from(side).unwrap());
        let mut stored =
            gif::Frame::from_rgba_speed(frame_width, frame_height, &mut frame.pixels.clone().into_raw(), 1);
        (stored.left, stored.top, stored.delay) = (frame.left, frame.top, frame.milliseconds / 10);
        stored.dispose = match frame.disposal {
            FrameDisposal::Keep => gif::DisposalMethod::Keep,
            FrameDisposal::Background => gif::DisposalMethod::Background,
            FrameDisposal::Previous => gif::DisposalMethod::Previous,
        };
        encoder.write_frame(&stored).unwrap();
    }
    drop(encoder);
    bytes
}

/// Builds an APNG with this number of plays, where 0 means forever. `static_image` is an image that is not part of the
/// animation.
pub(crate) fn apng(size: (u32, u32), frames: &[Frame], plays: u32, static_image: Option<&RgbaImage>) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_animated(u32::try_from(frames.len()).unwrap(), plays).unwrap();
    encoder.set_sep_def_img(static_image.is_some()).unwrap();
    let mut writer = encoder.write_header().unwrap();
    if let Some(static_image) = static_image {
        writer.write_image_data(static_image).unwrap();
    }
    for frame in frames {
        let (width, height) = frame.pixels.dimensions();
        writer.reset_frame_position().unwrap();
        writer.set_frame_dimension(width, height).unwrap();
        writer.set_frame_position(frame.left.into(), frame.top.into()).unwrap();
        writer.set_frame_delay(frame.milliseconds, 1000).unwrap();
        writer.set_blend_op(if frame.is_blended { png::BlendOp::Over } else { png::BlendOp::Source }).unwrap();
        let disposal = match frame.disposal {
            FrameDisposal::Keep => png::DisposeOp::None,
            FrameDisposal::Background => png::DisposeOp::Background,
            FrameDisposal::Previous => png::DisposeOp::Previous,
        };
        writer.set_dispose_op(disposal).unwrap();
        writer.write_image_data(&frame.pixels).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

/// Builds a lossless WebP with this number of plays, where 0 means forever (WebP container specification, "Animation").
pub(crate) fn webp((width, height): (u32, u32), frames: &[Frame], plays: u16) -> Vec<u8> {
    let u24 = |number: u32| number.to_le_bytes()[..3].to_vec();
    let chunk = |name: &[u8; 4], data: Vec<u8>| {
        let padding = vec![0; data.len() % 2];
        [name.to_vec(), u32::try_from(data.len()).unwrap().to_le_bytes().to_vec(), data, padding].concat()
    };
    let frame = |frame: &Frame| {
        let (frame_width, frame_height) = frame.pixels.dimensions();
        let position = [u32::from(frame.left) / 2, u32::from(frame.top) / 2, frame_width - 1, frame_height - 1];
        let flags = u8::from(!frame.is_blended) << 1 | u8::from(frame.disposal == FrameDisposal::Background);
        assert_ne!(frame.disposal, FrameDisposal::Previous);
        // `encode_image` returns a still WebP with a RIFF header and one chunk. The frame contains this chunk without
        // the RIFF header.
        let still = encode_image(&DynamicImage::from(frame.pixels.clone()), ImageFormat::WebP);
        let header: Vec<u8> = position.into_iter().chain([frame.milliseconds.into()]).flat_map(u24).collect();
        chunk(b"ANMF", [&header, &[flags][..], &still[12..]].concat())
    };
    let extended = [&[0b0001_0010, 0, 0, 0], &u24(width - 1)[..], &u24(height - 1)].concat();
    let mut chunks = [chunk(b"VP8X", extended), chunk(b"ANIM", [&[9; 4][..], &plays.to_le_bytes()].concat())].concat();
    chunks.extend(frames.iter().flat_map(frame));
    let length = u32::try_from(chunks.len() + 4).unwrap().to_le_bytes();
    [b"RIFF", &length[..], b"WEBP", &chunks].concat()
}

/// Builds an animated 16-bit gray PNG whose two frames have the same pixels.
pub(crate) fn deep_apng(pixels: &[u8], size: (u32, u32)) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Sixteen);
    encoder.set_animated(2, 0).unwrap();
    encoder.set_frame_delay(1, 5).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    bytes
}
