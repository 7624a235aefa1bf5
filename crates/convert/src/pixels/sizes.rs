//! The sizes of the variants.

use model::Width;

/// Computes the sizes of the variants of an image, without duplicates, the widest first.
pub(crate) fn variant_sizes((width, height): (u32, u32), widths: impl Iterator<Item = Width>) -> Vec<(u32, u32)> {
    let mut sizes: Vec<_> = widths.map(|requested| variant_size((width, height), requested)).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    sizes
}

/// Computes the size of the variant for a requested width: it has the proportions of the image and is never larger than
/// the image.
pub(crate) fn variant_size((width, height): (u32, u32), requested: Width) -> (u32, u32) {
    let narrowed = requested.resolve(width);
    let rounded = (u64::from(height) * u64::from(narrowed) + u64::from(width) / 2) / u64::from(width);
    // The variant of a very wide image has at least one row.
    (narrowed, u32::try_from(rounded).unwrap_or(height).clamp(1, height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn variant_is_not_larger_than_the_image_and_keeps_its_proportions(
            width in 1..=Width::MAX, height in 1..=Width::MAX, requested in 1..=Width::MAX,
        ) {
            let requested: Width = requested.to_string().parse().unwrap();
            let (variant_width, variant_height) = variant_size((width, height), requested);
            prop_assert!(variant_width <= width && variant_height <= height);
            prop_assert!(variant_width >= 1 && variant_height >= 1);
            prop_assert_eq!(variant_width, requested.resolve(width));
            let exact = f64::from(height) * f64::from(variant_width) / f64::from(width);
            let difference = (f64::from(variant_height) - exact).abs();
            prop_assert!(difference <= 0.5 || (variant_height == 1 && exact < 1.0), "{variant_height} for {exact}");
        }
    }

    #[test]
    fn widths_above_the_source_width_result_in_one_size() {
        let widths: model::Widths = "full,4000,2000,100".parse().unwrap();
        assert_eq!(variant_sizes((1000, 500), widths.iter()), [(1000, 500), (100, 50)]);
    }
}
