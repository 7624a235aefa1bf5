//! Moving pictures made up for tests, in every format that moves.

use image::{DynamicImage, ImageFormat, RgbaImage};

use crate::source::file;

/// A frame as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// Its place; WebP takes even ones alone.
    pub(crate) left: u16,
    pub(crate) top: u16,
    pub(crate) pixels: RgbaImage,
    pub(crate) milliseconds: u16,
    /// Whether what was there before shows through where it is clear.
    pub(crate) over: bool,
    pub(crate) disposal: Disposal,
}

/// What becomes of a frame before the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposal {
    Keep,
    Clear,
    /// WebP has no such thing.
    Restore,
}

/// A GIF, with Netscape's number of repetitions (0 being for ever) or without any.
pub(crate) fn gif(width: u16, height: u16, frames: &[Frame], repetitions: Option<u16>) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, &[]).unwrap();
    if let Some(repetitions) = repetitions {
        let repeat = if repetitions == 0 { gif::Repeat::Infinite } else { gif::Repeat::Finite(repetitions) };
        encoder.set_repeat(repeat).unwrap();
    }
    for frame in frames {
        let (across, down) = frame.pixels.dimensions();
        let [across, down] = [across, down].map(|side| u16::try_from(side).unwrap());
        let mut stored = gif::Frame::from_rgba_speed(across, down, &mut frame.pixels.clone().into_raw(), 1);
        (stored.left, stored.top, stored.delay) = (frame.left, frame.top, frame.milliseconds / 10);
        stored.dispose = match frame.disposal {
            Disposal::Keep => gif::DisposalMethod::Keep,
            Disposal::Clear => gif::DisposalMethod::Background,
            Disposal::Restore => gif::DisposalMethod::Previous,
        };
        encoder.write_frame(&stored).unwrap();
    }
    drop(encoder);
    bytes
}

/// An APNG that is shown so often (0 being for ever), perhaps with another picture for those who know no animation.
pub(crate) fn apng(size: (u32, u32), frames: &[Frame], plays: u32, stand_in: Option<&RgbaImage>) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_animated(u32::try_from(frames.len()).unwrap(), plays).unwrap();
    encoder.set_sep_def_img(stand_in.is_some()).unwrap();
    let mut writer = encoder.write_header().unwrap();
    if let Some(stand_in) = stand_in {
        writer.write_image_data(stand_in).unwrap();
    }
    for frame in frames {
        let (width, height) = frame.pixels.dimensions();
        writer.reset_frame_position().unwrap();
        writer.set_frame_dimension(width, height).unwrap();
        writer.set_frame_position(frame.left.into(), frame.top.into()).unwrap();
        writer.set_frame_delay(frame.milliseconds, 1000).unwrap();
        writer.set_blend_op(if frame.over { png::BlendOp::Over } else { png::BlendOp::Source }).unwrap();
        let disposal = match frame.disposal {
            Disposal::Keep => png::DisposeOp::None,
            Disposal::Clear => png::DisposeOp::Background,
            Disposal::Restore => png::DisposeOp::Previous,
        };
        writer.set_dispose_op(disposal).unwrap();
        writer.write_image_data(&frame.pixels).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

/// A lossless WebP that is shown so often, 0 being for ever (WebP container specification, "Animation").
pub(crate) fn webp((width, height): (u32, u32), frames: &[Frame], plays: u16) -> Vec<u8> {
    let u24 = |number: u32| number.to_le_bytes()[..3].to_vec();
    let chunk = |name: &[u8; 4], data: Vec<u8>| {
        let padding = vec![0; data.len() % 2];
        [name.to_vec(), u32::try_from(data.len()).unwrap().to_le_bytes().to_vec(), data, padding].concat()
    };
    let frame = |frame: &Frame| {
        let (across, down) = frame.pixels.dimensions();
        let place = [u32::from(frame.left) / 2, u32::from(frame.top) / 2, across - 1, down - 1];
        let flags = u8::from(!frame.over) << 1 | u8::from(frame.disposal == Disposal::Clear);
        assert_ne!(frame.disposal, Disposal::Restore);
        // A still of one chunk, without its outermost box.
        let still = file(&DynamicImage::from(frame.pixels.clone()), ImageFormat::WebP);
        let header: Vec<u8> = place.into_iter().chain([frame.milliseconds.into()]).flat_map(u24).collect();
        chunk(b"ANMF", [&header, &[flags][..], &still[12..]].concat())
    };
    let extended = [&[0b0001_0010, 0, 0, 0], &u24(width - 1)[..], &u24(height - 1)].concat();
    let mut chunks = [chunk(b"VP8X", extended), chunk(b"ANIM", [&[9; 4][..], &plays.to_le_bytes()].concat())].concat();
    chunks.extend(frames.iter().flat_map(frame));
    let length = u32::try_from(chunks.len() + 4).unwrap().to_le_bytes();
    [b"RIFF", &length[..], b"WEBP", &chunks].concat()
}

/// A PNG of 16 bits that says it is an animation of two like frames.
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
