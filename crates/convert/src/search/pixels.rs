//! Pixels to compare, a rectangle at a time.

use std::borrow::Cow;

use image::{DynamicImage, GenericImageView};
use model::{Chroma, Depth, Picture, Samples, Shape};
use yuv::{YuvError, YuvPlanarImage, YuvRange, YuvStandardMatrix};

/// A rectangle of pixels. Its corner is at even numbers, where chroma at half resolution has a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// What can be compared: pixels as they were read, or as they were made ready for the codec.
#[derive(Clone, Copy)]
pub(crate) enum Pixels<'a> {
    Image(&'a DynamicImage),
    Planes(&'a Picture),
}

/// What transparent pixels are laid over: neither the lightest nor the darkest that they may be shown on.
const BACKGROUND: u32 = 128;

impl Pixels<'_> {
    pub(crate) fn size(&self) -> (u32, u32) {
        match self {
            Self::Image(image) => image.dimensions(),
            Self::Planes(picture) => (picture.shape().width, picture.shape().height),
        }
    }

    /// The area's pixels, three bytes each.
    ///
    /// # Errors
    /// Where the planes are of a kind that is never measured: neither 8 nor 10 bits, or 4:2:2.
    pub(crate) fn rgb(&self, area: Area) -> Result<Vec<u8>, YuvError> {
        match self {
            Self::Image(image) => {
                let part = image.crop_imm(area.x, area.y, area.width, area.height);
                if !part.color().has_alpha() {
                    return Ok(part.into_rgb8().into_raw());
                }
                let pixels = part.into_rgba8().into_raw();
                Ok(pixels
                    .as_chunks()
                    .0
                    .iter()
                    .flat_map(|&[r, g, b, alpha]| [r, g, b].map(|c| over(c, alpha)))
                    .collect())
            }
            Self::Planes(picture) => {
                let part = crop(picture, area);
                let mut rgb = interleaved(&part)?;
                if let Some(alpha) = part.alpha() {
                    for (pixel, alpha) in
                        rgb.as_chunks_mut::<3>().0.iter_mut().zip(eight_bits(alpha, part.shape().depth))
                    {
                        *pixel = pixel.map(|channel| over(channel, alpha));
                    }
                }
                Ok(rgb)
            }
        }
    }
}

fn over(channel: u8, alpha: u8) -> u8 {
    let (channel, alpha) = (u32::from(channel), u32::from(alpha));
    u8::try_from((channel * alpha + BACKGROUND * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
}

/// A part of a picture.
pub(crate) fn crop(picture: &Picture, area: Area) -> Picture {
    tiled(picture, &[area], 1)
}

/// Parts of one size, put side by side, so many to a row.
pub(crate) fn tiled(picture: &Picture, areas: &[Area], columns: u32) -> Picture {
    let whole = picture.shape();
    let rows = u32::try_from(areas.len()).unwrap_or(u32::MAX) / columns;
    let tile = Shape { width: areas[0].width, height: areas[0].height, ..whole };
    let plane = |samples: &Samples, stride: u32, (width, height): (u32, u32)| {
        // Chroma at half resolution is where luma at twice the place is.
        let (across, down) = (tile.width.div_ceil(width), tile.height.div_ceil(height));
        let parts = areas.iter().map(|area| Area { x: area.x / across, y: area.y / down, width, height });
        let parts: Vec<Area> = parts.collect();
        match samples {
            Samples::U8(samples) => Samples::U8(rectangles(samples, stride, &parts, columns)),
            Samples::U16(samples) => Samples::U16(rectangles(samples, stride, &parts, columns)),
        }
    };
    let planes = picture.planes().iter().enumerate();
    let planes =
        planes.map(|(index, samples)| plane(samples, whole.plane_size(index).0, tile.plane_size(index))).collect();
    let alpha = picture.alpha().map(|alpha| plane(alpha, whole.width, (tile.width, tile.height)));
    let shape = Shape { width: tile.width * columns, height: tile.height * rows, ..whole };
    Picture::new(shape, planes, alpha, picture.color().clone()).expect("tiles of a picture have the planes of one")
}

fn rectangles<T: Copy>(samples: &[T], stride: u32, areas: &[Area], columns: u32) -> Vec<T> {
    let mut tiles = Vec::with_capacity(areas.iter().map(|area| area.width as usize * area.height as usize).sum());
    for row in areas.chunks(columns as usize) {
        for y in 0..row[0].height {
            for area in row {
                let start = (area.y + y) as usize * stride as usize + area.x as usize;
                tiles.extend_from_slice(&samples[start..][..area.width as usize]);
            }
        }
    }
    tiles
}

/// RGB, as a viewer makes it: chroma at half resolution is interpolated.
fn interleaved(picture: &Picture) -> Result<Vec<u8>, YuvError> {
    let Shape { width, height, depth, chroma } = picture.shape();
    let mut rgb = vec![0_u8; width as usize * height as usize * 3];
    let stride = width * 3;
    let range = if picture.color().cicp.full_range { YuvRange::Full } else { YuvRange::Limited };
    let matrix = match picture.color().cicp.matrix {
        1 => YuvStandardMatrix::Bt709,
        9 => YuvStandardMatrix::Bt2020,
        _ => YuvStandardMatrix::Bt601,
    };
    match (picture.planes(), depth, chroma) {
        ([luma], _, Chroma::Monochrome) => {
            for (pixel, level) in rgb.as_chunks_mut::<3>().0.iter_mut().zip(eight_bits(luma, depth)) {
                *pixel = [level; 3];
            }
        }
        ([Samples::U8(y), Samples::U8(u), Samples::U8(v)], Depth::Eight, Chroma::Yuv420 | Chroma::Yuv444) => {
            let [u, v] = [u, v].map(|plane| whole(plane, picture.shape()));
            yuv::yuv444_to_rgb(&planar([y, &u, &v], width, height), &mut rgb, stride, range, matrix)?;
        }
        ([Samples::U16(y), Samples::U16(u), Samples::U16(v)], Depth::Ten, Chroma::Yuv420 | Chroma::Yuv444) => {
            let [u, v] = [u, v].map(|plane| whole(plane, picture.shape()));
            let mut deep = vec![0_u16; rgb.len()];
            yuv::i410_to_rgb10(&planar([y, &u, &v], width, height), &mut deep, stride, range, matrix)?;
            for (sample, deep) in rgb.iter_mut().zip(deep) {
                *sample = from_ten(deep);
            }
        }
        _ => return Err(YuvError::ImagesSizesNotMatch),
    }
    Ok(rgb)
}

/// A chroma plane at full resolution. Each sample is nine parts of the nearest, three of each next one and one of that
/// across, which is what libjpeg and libavif do. The `yuv` crate's own way is off by half a sample.
fn whole<T: Copy + Into<u32> + TryFrom<u32>>(plane: &[T], shape: Shape) -> Cow<'_, [T]> {
    if shape.chroma == Chroma::Yuv444 {
        return Cow::Borrowed(plane);
    }
    let (stride, rows) = shape.plane_size(1);
    let (stride, rows) = (stride as usize, rows as usize);
    let next = |at: usize, count: usize| (if at.is_multiple_of(2) { at / 2 } else { at / 2 + 2 }).clamp(1, count) - 1;
    let mut out = Vec::with_capacity(shape.width as usize * shape.height as usize);
    let mut blend = vec![0_u32; stride];
    for y in 0..shape.height as usize {
        let near = &plane[y / 2 * stride..][..stride];
        let far = &plane[next(y, rows) * stride..][..stride];
        for ((blend, &near), &far) in blend.iter_mut().zip(near).zip(far) {
            *blend = 3 * near.into() + far.into();
        }
        out.extend((0..shape.width as usize).map(|x| {
            let sum = 3 * blend[x / 2] + blend[next(x, stride)];
            // A mean of samples is no larger than they are.
            T::try_from((sum + 8) >> 4).unwrap_or(plane[0])
        }));
    }
    Cow::Owned(out)
}

fn planar<T: Copy + std::fmt::Debug>(
    [y_plane, u_plane, v_plane]: [&[T]; 3],
    width: u32,
    height: u32,
) -> YuvPlanarImage<'_, T> {
    YuvPlanarImage { y_plane, y_stride: width, u_plane, u_stride: width, v_plane, v_stride: width, width, height }
}

fn eight_bits(samples: &Samples, depth: Depth) -> Vec<u8> {
    match samples {
        Samples::U8(samples) => samples.clone(),
        Samples::U16(samples) => samples.iter().map(|&sample| from_ten(sample >> (depth.bits() - 10))).collect(),
    }
}

/// 0..=1023 onto 0..=255, rounded.
fn from_ten(sample: u16) -> u8 {
    u8::try_from((u32::from(sample) * 255 + 511) / 1023).unwrap_or(u8::MAX)
}
