//! A JPEG's own luma and chroma, which become an AVIF's without ever being RGB.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use model::{Chroma, Color, Depth, PlanarImage, Samples, Shape};
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix};

use crate::Error;

/// Luma and chroma at 4:2:0 and 8 bits, as JFIF has them (ITU-T T.871): by BT.601, over the full range, a sample of chroma
/// in the middle of four pixels. That is also what `Cicp::SRGB` and `Cicp::ICC` say.
///
/// Invariant: all three are gray images of 8 bits, chroma of half of luma's size, rounded up.
pub(crate) struct YCbCr {
    luma: DynamicImage,
    chroma: [DynamicImage; 2],
}

impl YCbCr {
    /// Planes, row by row; none where they are not as long as the size calls for.
    pub(crate) fn new(width: u32, height: u32, luma: Vec<u8>, [cb, cr]: [Vec<u8>; 2]) -> Option<Self> {
        let half = (width.div_ceil(2), height.div_ceil(2));
        let plane = |(width, height), samples: Vec<u8>| {
            let exact = samples.len() == width as usize * height as usize;
            GrayImage::from_raw(width, height, samples).filter(|_| exact).map(DynamicImage::from)
        };
        Some(Self { luma: plane((width, height), luma)?, chroma: [plane(half, cb)?, plane(half, cr)?] })
    }

    pub(crate) fn luma(&self) -> &DynamicImage {
        &self.luma
    }

    /// Whether a picture of that size, as stored, has its chroma in its place after a turn: of an odd number of pixels the
    /// last stands alone under its chroma, and has to stay the last.
    pub(crate) fn bears(orientation: Orientation, (width, height): (u32, u32)) -> bool {
        let (sideways, upside_down) = mirrors(orientation);
        (!sideways || width.is_multiple_of(2)) && (!upside_down || height.is_multiple_of(2))
    }

    pub(crate) fn turned(mut self, orientation: Orientation) -> Self {
        self.luma.apply_orientation(orientation);
        for plane in &mut self.chroma {
            plane.apply_orientation(orientation);
        }
        self
    }

    /// The same picture as RGB, each chroma for four pixels alike: what is made of it is smaller, or chroma at half
    /// resolution again.
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

    pub(crate) fn into_picture(self, color: &Color) -> Result<PlanarImage, Error> {
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

/// Whether that turn makes the last column as stored the first column or row, and whether it does so with the last row.
fn mirrors(orientation: Orientation) -> (bool, bool) {
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

    /// Planes of a picture whose chroma is given for every pixel: each sample is the sum of four, of which those beyond the
    /// edge are those at the edge.
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
    fn planes_bear_a_turn_exactly_where_those_of_the_turned_picture_are_theirs_turned() {
        let noise = |x: u32, y: u32| (x * 31 + y * 57 + x * y * 13).wrapping_mul(2_654_435_761).to_be_bytes()[0];
        for (width, height) in [(12, 8), (13, 8), (12, 9), (13, 9)] {
            let stored = DynamicImage::from(GrayImage::from_fn(width, height, |x, y| Luma([noise(x, y)])));
            for orientation in (1..=8).filter_map(Orientation::from_exif) {
                let mut upright = stored.clone();
                upright.apply_orientation(orientation);
                let (turned, expected) = (planes(&stored).turned(orientation), planes(&upright));
                assert_eq!(turned.luma, expected.luma);
                let same = turned.chroma == expected.chroma;
                assert_eq!(same, YCbCr::bears(orientation, (width, height)), "{width}x{height}, {orientation:?}");
            }
        }
    }

    #[test]
    fn planes_that_do_not_agree_are_none() {
        let new = |luma, chroma| YCbCr::new(3, 3, vec![0; luma], [vec![0; 4], vec![0; chroma]]);
        assert!(new(9, 4).is_some());
        assert!(new(10, 4).is_none() && new(8, 4).is_none() && new(9, 3).is_none());
    }
}
