//! Computes which part of an image each variant shows, and at which size.

use model::{Area, FocalPoint, Size, VariantId};

/// The part of an image that a variant shows, and the size of the variant. The order is by the width of the variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Framing {
    /// Width and height of the variant in pixels.
    pub(crate) size: (u32, u32),
    /// The part of the upright source that the variant shows. `None` means the whole source.
    pub(crate) crop: Option<Area>,
}

/// The size of an upright source, and what its crops show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SourceGeometry {
    /// Width and height in pixels.
    pub(crate) size: (u32, u32),
    /// The point that every crop contains.
    pub(crate) focal_point: FocalPoint,
}

impl Framing {
    /// The whole image at this size.
    pub(crate) fn whole(size: (u32, u32)) -> Self {
        Self { size, crop: None }
    }

    /// Returns the size of the whole source at the scale of the variant.
    pub(crate) fn scaled_source(self, (width, height): (u32, u32)) -> (u32, u32) {
        let Some(crop) = self.crop else { return self.size };
        (scale(width, self.size.0, crop.width), scale(height, self.size.1, crop.height))
    }
}

impl SourceGeometry {
    /// Computes the framings of the variants, without duplicates, the widest first.
    pub(crate) fn framings(self, variants: impl Iterator<Item = VariantId>) -> Vec<Framing> {
        let mut framings: Vec<_> = variants.map(|id| self.framing(id)).collect();
        framings.sort_unstable_by(|a, b| b.cmp(a));
        framings.dedup();
        framings
    }

    /// Computes the framing of a variant. The variant has the proportions of the part that it shows, and is never larger than
    /// this part or than the format allows.
    pub(crate) fn framing(self, VariantId { size: requested, format }: VariantId) -> Framing {
        let (width, height) = self.size;
        let framing = match requested {
            Size::Full => Framing::whole(self.size),
            Size::Width(narrowed) => Framing::whole(with_width(self.size, narrowed.get().min(width))),
            Size::Inside(bounds) => Framing::whole(inside(self.size, (bounds.width.get(), bounds.height.get()))),
            Size::Cover(bounds) => self.cover((bounds.width.get(), bounds.height.get())),
        };
        let shown = framing.crop.map_or((width, height), |crop| (crop.width, crop.height));
        match format.max_side().filter(|limit| framing.size.0.max(framing.size.1) > *limit) {
            Some(limit) => Framing { size: inside(shown, (limit, limit)), ..framing },
            None => framing,
        }
    }

    /// Covers a box: chooses the largest part of the image with the proportions of the box. The focal point is as close to
    /// the center of the part as possible.
    fn cover(self, bounds: (u32, u32)) -> Framing {
        let (width, height) = self.size;
        // A part that has the full height of the image, or one that has its full width.
        let is_wider = u64::from(width) * u64::from(bounds.1) > u64::from(height) * u64::from(bounds.0);
        let (part_width, part_height) = if is_wider {
            (scale(height, bounds.0, bounds.1).min(width), height)
        } else {
            (width, scale(width, bounds.1, bounds.0).min(height))
        };
        let crop = Area {
            x: start(self.focal_point.x(), part_width, width),
            y: start(self.focal_point.y(), part_height, height),
            width: part_width,
            height: part_height,
        };
        let is_large_enough = part_width >= bounds.0 && part_height >= bounds.1;
        let size = if is_large_enough { bounds } else { (part_width, part_height) };
        Framing { size, crop: Some(crop).filter(|_| (part_width, part_height) != (width, height)) }
    }
}

/// Converts an area to an image of the same content with another size. The area has at least one pixel.
pub(crate) fn scaled_area(area: Area, from: (u32, u32), to: (u32, u32)) -> Area {
    let (x, width) = scaled_range(area.x, area.width, from.0, to.0);
    let (y, height) = scaled_range(area.y, area.height, from.1, to.1);
    Area { x, y, width, height }
}

/// Returns the start and the length of a range of pixels, in an image whose side is `to` instead of `from`.
fn scaled_range(start: u32, length: u32, from: u32, to: u32) -> (u32, u32) {
    let length = scale(length, to, from).min(to);
    let start = u64::from(start) * u64::from(to) / u64::from(from);
    (u32::try_from(start).unwrap_or(to).min(to - length), length)
}

/// Returns where a part begins so that its center is as close to a point as possible. The point is a fraction of `length`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates at the ends of the range")]
fn start(point: f64, part: u32, length: u32) -> u32 {
    let start = point * f64::from(length) - f64::from(part) / 2.0;
    (start.round() as u32).min(length - part)
}

/// Returns the largest size with the proportions of an image that is not larger than the image and fits inside a box.
fn inside((width, height): (u32, u32), bounds: (u32, u32)) -> (u32, u32) {
    if width <= bounds.0 && height <= bounds.1 {
        return (width, height);
    }
    let is_wider = u64::from(width) * u64::from(bounds.1) > u64::from(height) * u64::from(bounds.0);
    if is_wider {
        with_width((width, height), bounds.0)
    } else {
        let (height, width) = with_width((height, width), bounds.1);
        (width, height)
    }
}

/// Reduces the width of an image, and its height in proportion. A very wide image keeps at least one row.
fn with_width((width, height): (u32, u32), narrowed: u32) -> (u32, u32) {
    (narrowed, scale(height, narrowed, width).min(height))
}

/// Multiplies a length by a fraction. The result is rounded and at least 1.
fn scale(length: u32, numerator: u32, denominator: u32) -> u32 {
    let rounded = (u64::from(length) * u64::from(numerator) + u64::from(denominator) / 2) / u64::from(denominator);
    u32::try_from(rounded).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::OutputFormat;
    use proptest::prelude::*;

    const MAX_SIDE: u32 = Size::MAX_SIDE;

    fn framing(size: (u32, u32), focal_point: &str, id: &str) -> Framing {
        SourceGeometry { size, focal_point: focal_point.parse().unwrap() }.framing(id.parse().unwrap())
    }

    fn size(source: (u32, u32), id: &str) -> (u32, u32) {
        framing(source, "0.5,0.5", id).size
    }

    /// How much a side differs from the exact ratio, in pixels.
    fn error(side: u32, exact: f64) -> f64 {
        (f64::from(side) - exact).abs()
    }

    proptest! {
        #[test]
        fn variant_is_not_larger_than_the_image_and_keeps_its_proportions(
            width in 1..=MAX_SIDE, height in 1..=MAX_SIDE, requested in 1..=MAX_SIDE, requested_height in 1..=MAX_SIDE,
        ) {
            let source = SourceGeometry { size: (width, height), focal_point: FocalPoint::CENTER };
            for id in [requested.to_string(), format!("{requested}x{requested_height}"), format!("{requested}.webp")] {
                let id: VariantId = id.parse().unwrap();
                let Framing { size, crop } = source.framing(id);
                prop_assert!(size.0 <= width.min(requested) && size.1 <= height && size.0 >= 1 && size.1 >= 1);
                prop_assert_eq!(crop, None);
                if let Size::Inside(_) = id.size {
                    prop_assert!(size.1 <= requested_height);
                    prop_assert!(size == (width, height) || size.0 == requested || size.1 == requested_height);
                }
                if id.format == OutputFormat::Webp {
                    prop_assert!(size.0.max(size.1) <= 16_383);
                }
                let by_width = error(size.1, f64::from(height) * f64::from(size.0) / f64::from(width));
                let by_height = error(size.0, f64::from(width) * f64::from(size.1) / f64::from(height));
                prop_assert!(by_width.min(by_height) <= 0.5 || size.0.min(size.1) == 1, "{size:?}");
            }
        }

        #[test]
        fn crop_is_inside_the_image_and_contains_the_focal_point(
            width in 1..=MAX_SIDE, height in 1..=MAX_SIDE, box_width in 1..=MAX_SIDE, box_height in 1..=MAX_SIDE,
            x in 0.0..=1.0_f64, y in 0.0..=1.0_f64,
        ) {
            let source = SourceGeometry { size: (width, height), focal_point: FocalPoint::new(x, y).unwrap() };
            let framing = source.framing(format!("{box_width}x{box_height}:cover").parse().unwrap());
            let crop = framing.crop.unwrap_or(Area { x: 0, y: 0, width, height });
            prop_assert!(crop.x + crop.width <= width && crop.y + crop.height <= height);
            prop_assert!(crop.width == width || crop.height == height);
            let (x, y) = (x * f64::from(width), y * f64::from(height));
            prop_assert!((f64::from(crop.x)..=f64::from(crop.x + crop.width)).contains(&x));
            prop_assert!((f64::from(crop.y)..=f64::from(crop.y + crop.height)).contains(&y));
            let is_smaller = crop.width < box_width || crop.height < box_height;
            let expected = if is_smaller { (crop.width, crop.height) } else { (box_width, box_height) };
            prop_assert_eq!(framing.size, expected);
            // The part has the proportions of the box, except for less than a pixel.
            let by_width = error(crop.height, f64::from(crop.width) * f64::from(box_height) / f64::from(box_width));
            let by_height = error(crop.width, f64::from(crop.height) * f64::from(box_width) / f64::from(box_height));
            prop_assert!(by_width.min(by_height) <= 0.5 || crop.width.min(crop.height) == 1, "{crop:?}");
        }
    }

    #[test]
    fn sizes_above_the_size_of_the_source_result_in_one_framing() {
        let variants = ["full", "4000", "2000", "100", "full.webp", "3000x3000", "2000x1000:cover"];
        let source = SourceGeometry { size: (1000, 500), focal_point: FocalPoint::CENTER };
        let framings = source.framings(variants.into_iter().map(|id| id.parse().unwrap()));
        assert_eq!(framings, [(1000, 500), (100, 50)].map(Framing::whole));
    }

    #[test]
    fn box_limits_the_side_that_exceeds_it_most() {
        assert_eq!(size((4000, 3000), "640x360"), (480, 360));
        assert_eq!(size((4000, 1000), "640x360"), (640, 160));
        assert_eq!(size((300, 200), "640x360"), (300, 200));
        assert_eq!(size((1, 5000), "640x360"), (1, 360));
    }

    #[test]
    fn crop_keeps_the_focal_point() {
        let crop = |focal_point, id| {
            let Framing { size, crop } = framing((4000, 3000), focal_point, id);
            let Area { x, y, width, height } = crop.unwrap();
            (size, [x, y, width, height])
        };
        assert_eq!(crop("0.5,0.5", "256x256:cover"), ((256, 256), [500, 0, 3000, 3000]));
        assert_eq!(crop("0.6,0.5", "256x256:cover"), ((256, 256), [900, 0, 3000, 3000]));
        assert_eq!(crop("0,1", "256x256:cover"), ((256, 256), [0, 0, 3000, 3000]));
        assert_eq!(crop("1,0", "256x256:cover"), ((256, 256), [1000, 0, 3000, 3000]));
        assert_eq!(crop("0.5,0.9", "400x100:cover"), ((400, 100), [0, 2000, 4000, 1000]));
    }

    #[test]
    fn crop_of_a_small_source_has_the_proportions_of_the_box() {
        let small = framing((1000, 200), "0.5,0.5", "256x256:cover");
        assert_eq!(small, Framing { size: (200, 200), crop: Some(Area { x: 400, y: 0, width: 200, height: 200 }) });
        assert_eq!(framing((1, 5000), "0,0", "256x256:cover").size, (1, 1));
        // A source with the proportions of the box is shown whole.
        assert_eq!(framing((400, 400), "0.1,0.9", "256x256:cover"), Framing::whole((256, 256)));
    }

    #[test]
    fn scale_of_a_crop_is_the_scale_of_the_source() {
        let crop = framing((4000, 3000), "0.5,0.5", "256x256:cover");
        assert_eq!(crop.scaled_source((4000, 3000)), (341, 256));
        assert_eq!(Framing::whole((10, 5)).scaled_source((4000, 3000)), (10, 5));
    }

    #[test]
    fn area_is_scaled_with_its_image() {
        let area = Area { x: 41, y: 0, width: 20, height: 2 };
        assert_eq!(scaled_area(area, (200, 4), (100, 2)), Area { x: 20, y: 0, width: 10, height: 1 });
        // The last pixels of the image.
        let area = Area { x: 101, y: 3, width: 99, height: 1 };
        assert_eq!(scaled_area(area, (200, 4), (200, 4)), area);
        assert_eq!(scaled_area(area, (200, 4), (100, 2)), Area { x: 50, y: 1, width: 50, height: 1 });
        assert_eq!(scaled_area(area, (200, 4), (10, 1)), Area { x: 5, y: 0, width: 5, height: 1 });
    }

    #[test]
    fn webp_has_no_side_over_its_limit() {
        let sizes = ["full", "full.jpeg", "full.webp"].map(|id| size((20_000, 1_000), id));
        assert_eq!(sizes, [(20_000, 1_000), (20_000, 1_000), (16_383, 819)]);
        assert_eq!(size((1, 30_000), "full.webp"), (1, 16_383));
        assert_eq!(size((30_000, 30_000), "20000x10000:cover.webp"), (16_383, 8_192));
    }
}
