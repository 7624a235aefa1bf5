//! The sizes of the variants.

use model::VariantId;

/// Computes the sizes of the variants of an image, without duplicates, the widest first.
pub(crate) fn variant_sizes(size: (u32, u32), variants: impl Iterator<Item = VariantId>) -> Vec<(u32, u32)> {
    let mut sizes: Vec<_> = variants.map(|id| variant_size(size, id)).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    sizes
}

/// Computes the size of a variant: it has the proportions of the image, and is never larger than the image or than the
/// format allows.
pub(crate) fn variant_size(
    (width, height): (u32, u32),
    VariantId { width: requested, format }: VariantId,
) -> (u32, u32) {
    let narrowed = requested.resolve(width);
    let size = with_width((width, height), narrowed);
    let Some(limit) = format.max_side().filter(|limit| size.0.max(size.1) > *limit) else { return size };
    let narrowed = u64::from(width) * u64::from(limit) / u64::from(width.max(height));
    let size = with_width((width, height), u32::try_from(narrowed).unwrap_or(limit).max(1));
    // The height of a very narrow image would be rounded to more.
    (size.0, size.1.min(limit))
}

fn with_width((width, height): (u32, u32), narrowed: u32) -> (u32, u32) {
    let rounded = (u64::from(height) * u64::from(narrowed) + u64::from(width) / 2) / u64::from(width);
    // The variant of a very wide image has at least one row.
    (narrowed, u32::try_from(rounded).unwrap_or(height).clamp(1, height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{OutputFormat, Width};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn variant_is_not_larger_than_the_image_and_keeps_its_proportions(
            width in 1..=Width::MAX, height in 1..=Width::MAX, requested in 1..=Width::MAX,
        ) {
            let id: VariantId = requested.to_string().parse().unwrap();
            let (variant_width, variant_height) = variant_size((width, height), id);
            prop_assert!(variant_width <= width && variant_height <= height);
            prop_assert!(variant_width >= 1 && variant_height >= 1);
            prop_assert_eq!(variant_width, id.width.resolve(width));
            let webp = variant_size((width, height), VariantId { format: OutputFormat::Webp, ..id });
            prop_assert!(webp.0.max(webp.1) <= 16_383 && webp.0.min(webp.1) >= 1);
            prop_assert!(webp == (variant_width, variant_height) || variant_width.max(variant_height) > 16_383);
            let exact = f64::from(height) * f64::from(variant_width) / f64::from(width);
            let difference = (f64::from(variant_height) - exact).abs();
            prop_assert!(difference <= 0.5 || (variant_height == 1 && exact < 1.0), "{variant_height} for {exact}");
        }
    }

    #[test]
    fn widths_above_the_source_width_result_in_one_size() {
        let variants = ["full", "4000", "2000", "100", "full.webp"].map(|id| id.parse().unwrap());
        assert_eq!(variant_sizes((1000, 500), variants.into_iter()), [(1000, 500), (100, 50)]);
    }

    #[test]
    fn webp_has_no_side_over_its_limit() {
        let size = |id: &str| variant_size((20_000, 1_000), id.parse().unwrap());
        assert_eq!(
            [size("full"), size("full.jpeg"), size("full.webp")],
            [(20_000, 1_000), (20_000, 1_000), (16_383, 819)]
        );
        assert_eq!(variant_size((1, 30_000), "full.webp".parse().unwrap()), (1, 16_383));
    }
}
