//! The luma and chroma planes that a JPEG stores. An AVIF can contain these planes without a conversion to RGB.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use model::{Chroma, Color, Depth, PlanarImage, Samples, Shape};
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix};

use crate::Error;

/// Luma and chroma in 4:2:0 with 8 bits, as in JFIF (ITU-T T.871): the BT.601 matrix, full range, and each chroma
/// sample in the center of four pixels. `Cicp::SRGB` and `Cicp::ICC` describe the same matrix and range.
///
/// Invariant: the three planes are gray images with 8 bits per sample. The chroma planes have half the width and height
/// of the luma plane, rounded up.
pub(crate) struct YCbCr {
    luma: DynamicImage,
    chroma: [DynamicImage; 2],
}

impl YCbCr {
    /// Creates an image from planes whose samples are stored row by row. Returns `None` if the length of a plane does
    /// not match the size.
    pub(crate) fn new(width: u32, height: u32, luma: Vec<u8>, [cb, cr]: [Vec<u8>; 2]) -> Option<Self> {
        let half = (width.div_ceil(2), height.div_ceil(2));
        let plane = |(width, height), samples: Vec<u8>| {
            let has_exact_length = samples.len() == width as usize * height as usize;
            GrayImage::from_raw(width, height, samples).filter(|_| has_exact_length).map(DynamicImage::from)
        };
        Some(Self { luma: plane((width, height), luma)?, chroma: [plane(half, cb)?, plane(half, cr)?] })
    }

    pub(crate) fn luma(&self) -> &DynamicImage {
        &self.luma
    }

    /// Whether the orientation can be applied to the planes of an image with this stored size. If a side has an odd
    /// number of pixels, its last chroma sample covers only one pixel, so this sample must still be the last sample
    /// after the orientation is applied.
    pub(crate) fn allows_orientation(orientation: Orientation, (width, height): (u32, u32)) -> bool {
        let (moves_last_column, moves_last_row) = moved_edges(orientation);
        (!moves_last_column || width.is_multiple_of(2)) && (!moves_last_row || height.is_multiple_of(2))
    }

    /// Rotates and mirrors all planes.
    pub(crate) fn apply_orientation(mut self, orientation: Orientation) -> Self {
        self.luma.apply_orientation(orientation);
        for plane in &mut self.chroma {
            plane.apply_orientation(orientation);
        }
        self
    }

    /// Converts to RGB without chroma interpolation: each chroma sample is used for four pixels. This is accurate
    /// enough, because the result is resized, or converted to 4:2:0 again.
    pub(crate) fn to_rgb(&self) -> Result<RgbImage, Error> {
        let (width, height) = (self.luma.width(), self.luma.height());
        let half = width.div_ceil(2);
        let planes = YuvPlanarImage {
            y_plane: self.luma.as_bytes(),
            y_stride: width,
            u_plane: self.chroma[0].as_bytes(),
            u_stride: half,
            v_plane: self.chroma[1].as_bytes(),
            v_stride: half,
            width,
            height,
        };
        let mut image = RgbImage::new(width, height);
        yuv::yuv420_to_rgb(&planes, &mut image, 3 * width, YuvRange::Full, YuvStandardMatrix::Bt601)
            .map_err(|error| Error::Planes { width, height, message: error.to_string() })?;
        Ok(image)
    }

    pub(crate) fn into_planar_image(self, color: &Color) -> Result<PlanarImage, Error> {
        let (width, height) = (self.luma.width(), self.luma.height());
        let shape = Shape { width, height, depth: Depth::Eight, chroma: Chroma::Yuv420 };
        let [cb, cr] = self.chroma;
        let planes = [self.luma, cb, cr].map(|plane| Samples::U8(plane.into_bytes()));
        PlanarImage::new(shape, planes.to_vec(), None, color.clone()).map_err(|error| Error::Planes {
            width,
            height,
            message: error.to_string(),
        })
    }
}

/// Returns two flags. The first flag is true if the last stored column becomes the first column or the first row of the
/// upright image. The second flag is true if the last stored row becomes the first column or the first row.
fn moved_edges(orientation: Orientation) -> (bool, bool) {
    match orientation {
        Orientation::NoTransforms | Orientation::Rotate90FlipH => (false, false),
        Orientation::FlipHorizontal | Orientation::Rotate270 => (true, false),
        Orientation::FlipVertical | Orientation::Rotate90 => (false, true),
        Orientation::Rotate180 | Orientation::Rotate270FlipH => (true, true),
    }
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    /// Returns the 4:2:0 planes of an image whose luma, Cb and Cr are all equal to `full`. Each chroma sample is the
    /// mean of four pixels. Pixels beyond the edge are equal to the pixels at the edge.
    fn planes(full: &DynamicImage) -> YCbCr {
        let (width, height) = (full.width(), full.height());
        let full = full.to_luma8();
        let at = |x: u32, y: u32| u32::from(full.get_pixel(x.min(width - 1), y.min(height - 1)).0[0]);
        let half = GrayImage::from_fn(width.div_ceil(2), height.div_ceil(2), |x, y| {
            let (x, y) = (2 * x, 2 * y);
            let sum = at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1);
            Luma([u8::try_from(sum / 4).unwrap()])
        });
        let chroma = || half.clone().into_raw();
        YCbCr::new(width, height, full.into_raw(), [chroma(), chroma()]).unwrap()
    }

    #[test]
    fn orientation_is_allowed_exactly_if_rotated_planes_match_the_rotated_image() {
        let noise = |x: u32, y: u32| (x * 31 + y * 57 + x * y * 13).wrapping_mul(2_654_435_761).to_be_bytes()[0];
        for (width, height) in [(12, 8), (13, 8), (12, 9), (13, 9)] {
            let stored = DynamicImage::from(GrayImage::from_fn(width, height, |x, y| Luma([noise(x, y)])));
            for orientation in (1..=8).filter_map(Orientation::from_exif) {
                let mut upright = stored.clone();
                upright.apply_orientation(orientation);
                let (oriented, expected) = (planes(&stored).apply_orientation(orientation), planes(&upright));
                assert_eq!(oriented.luma, expected.luma);
                let is_same = oriented.chroma == expected.chroma;
                assert_eq!(
                    is_same,
                    YCbCr::allows_orientation(orientation, (width, height)),
                    "{width}x{height}, {orientation:?}"
                );
            }
        }
    }

    #[test]
    fn planes_of_the_wrong_length_are_rejected() {
        let new = |luma, chroma| YCbCr::new(3, 3, vec![0; luma], [vec![0; 4], vec![0; chroma]]);
        assert!(new(9, 4).is_some());
        assert!(new(10, 4).is_none() && new(8, 4).is_none() && new(9, 3).is_none());
    }
}
