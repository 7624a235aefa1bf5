//! Chooses the images of a `<picture>` element from a manifest.

use std::collections::BTreeMap;

use model::{Manifest, ManifestVariant, OutputFormat, Size};

use super::InvalidManifest;
use super::base_url::BaseUrl;
use super::html::{Candidate, Candidates, ImageElement, Loading, PictureElement, SourceElement};
use super::placeholder::background;

/// What the manifest does not contain.
#[derive(Debug, Clone)]
pub(super) struct PictureOptions {
    /// The base URL of the variants.
    pub(super) base_url: BaseUrl,
    /// The base URL of the source. If it is `None`, a source in the bucket of the variants has their base URL, and the URL of
    /// any other source is unknown.
    pub(super) source_base_url: Option<BaseUrl>,
    /// The crops to show. If it is empty, the whole image is shown.
    pub(super) crops: Vec<Size>,
    pub(super) sizes: String,
    pub(super) alt: String,
    pub(super) loading: Loading,
    pub(super) has_placeholder: bool,
}

/// Returns the `<picture>` element of a manifest.
pub(super) fn picture_element(
    manifest: &Manifest,
    options: &PictureOptions,
) -> Result<PictureElement, InvalidManifest> {
    let shown = shown_variants(manifest, &options.crops)?;
    let largest = shown.iter().max_by_key(|variant| variant.width).ok_or(InvalidManifest::NoVariants)?;
    let mut formats = candidates(&shown, &options.base_url)?;
    let with_sizes = |list| Candidates { list, sizes: options.sizes.clone() };
    // The source shows the whole image.
    let source = if options.crops.is_empty() { source_candidate(manifest, options)? } else { None };
    let fallback = [OutputFormat::Jpeg, OutputFormat::Webp].into_iter().find(|format| formats.contains_key(format));
    let (url, candidates) = match (fallback, source) {
        (None, Some(Candidate { url, .. })) => (url, None),
        (fallback, source) => {
            let mut list = formats.remove(&fallback.unwrap_or(OutputFormat::Avif)).unwrap_or_default();
            let widest = list.last().map_or(0, |candidate| candidate.width);
            // The variant with the width of the source was not smaller than the source, so it is not stored.
            list.extend(source.filter(|source| source.width == largest.width && source.width > widest));
            (list.last().map(|candidate| candidate.url.clone()).unwrap_or_default(), Some(with_sizes(list)))
        }
    };
    let element = |(format, list): (OutputFormat, _)| SourceElement {
        media_type: format.media_type(),
        candidates: with_sizes(list),
    };
    Ok(PictureElement {
        sources: formats.into_iter().map(element).collect(),
        image: ImageElement {
            url,
            candidates,
            width: largest.width,
            height: largest.height,
            alt: options.alt.clone(),
            loading: options.loading,
            // The placeholder is a blurred image of the whole source.
            background: if options.has_placeholder && options.crops.is_empty() { background(manifest)? } else { None },
        },
    })
}

/// Returns the variants that show the whole image, or the variants of these crops.
fn shown_variants<'a>(manifest: &'a Manifest, crops: &[Size]) -> Result<Vec<&'a ManifestVariant>, InvalidManifest> {
    let (cropped, whole): (Vec<_>, Vec<_>) = manifest.variants.iter().partition(|variant| variant.requested.is_crop());
    let list = |variants: &[&ManifestVariant]| {
        let mut sizes: Vec<_> = variants.iter().map(|variant| variant.requested).collect();
        sizes.dedup();
        sizes.iter().map(Size::to_string).collect::<Vec<_>>().join(", ")
    };
    if crops.is_empty() {
        let has_only_crops = whole.is_empty() && !cropped.is_empty();
        return if has_only_crops { Err(InvalidManifest::OnlyCrops(list(&cropped))) } else { Ok(whole) };
    }
    let is_listed = |crop: &&Size| cropped.iter().any(|variant| variant.requested == **crop);
    if let Some(&missing) = crops.iter().find(|crop| !is_listed(crop)) {
        return Err(InvalidManifest::NoCrop { missing, listed: list(&cropped) });
    }
    let shown: Vec<_> = cropped.into_iter().filter(|variant| crops.contains(&variant.requested)).collect();
    // A side is rounded to a whole pixel, so the proportions differ by less than a pixel.
    let has_proportions_of = |a: &ManifestVariant, b: &ManifestVariant| {
        let [a_width, a_height, b_width, b_height] = [a.width, a.height, b.width, b.height].map(u64::from);
        (a_width * b_height).abs_diff(b_width * a_height) <= a_width.max(a_height).max(b_width).max(b_height)
    };
    let is_one_image = shown.iter().all(|variant| has_proportions_of(variant, shown[0]));
    if is_one_image { Ok(shown) } else { Err(InvalidManifest::DifferentCrops(list(&shown))) }
}

/// Returns a note for each format that lacks the largest width. A browser chooses the format first, so it enlarges the
/// widest candidate of this format.
pub(super) fn notes(picture: &PictureElement) -> Vec<String> {
    let PictureElement { sources, image } = picture;
    let sources = sources.iter().map(|source| (source.media_type, &source.candidates));
    let all = sources.chain(image.candidates.iter().map(|candidates| ("fallback", candidates)));
    let widest = all.map(|(name, candidates)| (name, candidates.list.last().map_or(0, |candidate| candidate.width)));
    let note = |(name, width)| {
        format!(
            "the widest {name} variant has {width} pixels, but the element has {}: a wider variant was not smaller than the \
             source, so it is not stored; set AVIF_KEEP_LARGER=true to store it, or show the source as the fallback with \
             --source-base-url",
            image.width
        )
    };
    widest.filter(|(_, width)| *width < image.width).map(note).collect()
}

/// Returns the source, if its URL is known and all browsers show its format.
fn source_candidate(manifest: &Manifest, options: &PictureOptions) -> Result<Option<Candidate>, InvalidManifest> {
    let source = &manifest.source;
    let is_beside_variants = manifest.variants.iter().all(|variant| variant.at.bucket == source.at.bucket);
    let base_url = options.source_base_url.as_ref().or(is_beside_variants.then_some(&options.base_url));
    match base_url {
        // All browsers show WebP.
        Some(base_url) if source.info.is_shown_by_clients_of(OutputFormat::Webp) => {
            Ok(Some(Candidate { url: base_url.join(&source.at.key)?, width: source.info.width }))
        }
        Some(_) | None => Ok(None),
    }
}

/// Returns the candidates of each format, ascending by width. A requested width above the width of the source gives the
/// width of the source, so several variants can have the same width. Only the first of them is a candidate.
fn candidates(
    variants: &[&ManifestVariant],
    base_url: &BaseUrl,
) -> Result<BTreeMap<OutputFormat, Vec<Candidate>>, InvalidManifest> {
    let mut formats: BTreeMap<OutputFormat, Vec<Candidate>> = BTreeMap::new();
    for variant in variants {
        if variant.width == 0 || variant.height == 0 {
            return Err(InvalidManifest::NoPixels(variant.at.key.clone()));
        }
        let list = formats.entry(variant.format).or_default();
        if list.iter().all(|candidate| candidate.width != variant.width) {
            list.push(Candidate { url: base_url.join(&variant.at.key)?, width: variant.width });
        }
    }
    for list in formats.values_mut() {
        list.sort_by_key(|candidate| candidate.width);
    }
    Ok(formats)
}

#[cfg(test)]
mod tests {
    use OutputFormat::{Avif, Jpeg, Webp};

    use super::*;
    use crate::picture::samples::{manifest, options};

    /// Returns the formats and widths of the sources, then the widths of the image, then its URL.
    fn summary(manifest: &Manifest) -> String {
        let PictureElement { sources, image } = picture_element(manifest, &options()).unwrap();
        let widths = |candidates: &Candidates| {
            candidates.list.iter().map(|candidate| candidate.width.to_string()).collect::<Vec<_>>().join(",")
        };
        let sources = sources.iter().map(|source| format!("{} {}", source.media_type, widths(&source.candidates)));
        let image_widths = image.candidates.as_ref().map(widths).unwrap_or_default();
        format!("{} | {image_widths} | {}", sources.collect::<Vec<_>>().join(" "), image.url)
    }

    #[test]
    fn formats_are_in_their_order_and_widths_ascend() {
        let manifest =
            manifest(&[(Jpeg, 640), (Webp, 640), (Avif, 640), (Avif, 320), (Webp, 320), (Jpeg, 320), (Avif, 480)]);
        let expected = "image/avif 320,480,640 image/webp 320,640 | 320,640 | /a.png.w640.jpeg";
        assert_eq!(summary(&manifest), expected);
        let image = picture_element(&manifest, &options()).unwrap().image;
        assert_eq!((image.width, image.height), (640, 480));
    }

    #[test]
    fn two_variants_of_one_width_are_one_candidate() {
        let mut manifest = manifest(&[(Avif, 640), (Avif, 640), (Jpeg, 640)]);
        manifest.variants[1].at.key = "a.png.w1280.avif".into();
        let sources = picture_element(&manifest, &options()).unwrap().sources;
        let expected = [Candidate { url: "/a.png.w640.avif".into(), width: 640 }];
        assert_eq!(sources[0].candidates.list, expected);
    }

    #[test]
    fn fallback_is_jpeg_then_webp_then_the_source_then_avif() {
        assert_eq!(summary(&manifest(&[(Avif, 9), (Webp, 9)])), "image/avif 9 | 9 | /a.png.w9.webp");
        let mut manifest = manifest(&[(Avif, 9)]);
        for format in ["jpeg", "png", "gif", "webp"] {
            manifest.source.info.format = format.into();
            assert_eq!(summary(&manifest), "image/avif 9 |  | /a.png");
        }
        for format in ["heic", "tiff", "avif", "bmp"] {
            manifest.source.info.format = format.into();
            assert_eq!(summary(&manifest), " | 9 | /a.png.w9.avif");
        }
    }

    #[test]
    fn source_in_another_bucket_needs_its_own_base_url() {
        let mut manifest = manifest(&[(Avif, 9)]);
        manifest.source.at.bucket = "originals".into();
        assert_eq!(summary(&manifest), " | 9 | /a.png.w9.avif");
        let options = PictureOptions { source_base_url: "https://originals.example".parse().ok(), ..options() };
        let picture = picture_element(&manifest, &options).unwrap();
        assert_eq!((picture.image.url.as_str(), picture.sources.len()), ("https://originals.example/a.png", 1));
    }

    #[test]
    fn manifest_without_variants_or_with_an_impossible_variant_is_reported() {
        let error = |manifest: &Manifest| picture_element(manifest, &options()).unwrap_err();
        assert_eq!(error(&manifest(&[])), InvalidManifest::NoVariants);
        assert_eq!(error(&manifest(&[(Avif, 0)])), InvalidManifest::NoPixels("a.png.w0.avif".into()));
        let mut outside = manifest(&[(Avif, 9)]);
        outside.variants[0].at.key = "../a.avif".into();
        assert!(matches!(error(&outside), InvalidManifest::Key(_)));
    }

    /// A manifest with a whole image, and crops of these sizes.
    fn with_crops(crops: &[(&str, u32, u32)]) -> Manifest {
        let mut manifest = manifest(&vec![(Avif, 640); crops.len() + 1]);
        for (variant, &(requested, width, height)) in manifest.variants[1..].iter_mut().zip(crops) {
            variant.requested = requested.parse().unwrap();
            (variant.width, variant.height) = (width, height);
            variant.at.key = format!("a.png.c{width}x{height}.avif");
        }
        manifest
    }

    #[test]
    fn crops_are_shown_only_if_they_are_chosen() {
        let manifest = with_crops(&[("512x256:cover", 512, 256), ("255x128:cover", 255, 128), ("64x64:cover", 64, 64)]);
        assert_eq!(summary(&manifest), "image/avif 640 |  | /a.png");
        let choose = |crops: &[&str]| {
            let crops = crops.iter().map(|crop| crop.parse().unwrap()).collect();
            picture_element(&manifest, &PictureOptions { crops, ..options() })
        };
        let picture = choose(&["255x128:cover", "512x256:cover"]).unwrap();
        assert_eq!((picture.image.width, picture.image.height), (512, 256));
        assert_eq!(picture.image.url, "/a.png.c512x256.avif");
        assert_eq!(picture.image.candidates.unwrap().list.len(), 2);
        let missing = choose(&["32x32:cover"]).unwrap_err().to_string();
        assert!(missing.ends_with("32x32:cover; it lists 512x256:cover, 255x128:cover, 64x64:cover"), "{missing}");
        let different = choose(&["64x64:cover", "512x256:cover"]).unwrap_err();
        assert!(matches!(different, InvalidManifest::DifferentCrops(_)));
    }

    #[test]
    fn manifest_with_only_crops_needs_a_choice() {
        let mut manifest = with_crops(&[("64x64:cover", 64, 64)]);
        manifest.variants.remove(0);
        let error = picture_element(&manifest, &options()).unwrap_err();
        assert_eq!(error, InvalidManifest::OnlyCrops("64x64:cover".into()));
    }

    #[test]
    fn source_takes_the_place_of_a_fallback_variant_that_is_not_stored() {
        let mut manifest = manifest(&[(Avif, 640), (Avif, 320), (Jpeg, 320)]);
        assert_eq!(summary(&manifest), "image/avif 320,640 | 320,640 | /a.png");
        // No variant with the width of this source was requested.
        manifest.source.info.width = 5000;
        assert_eq!(summary(&manifest), "image/avif 320,640 | 320 | /a.png.w320.jpeg");
        manifest.source.info.width = 640;
        manifest.source.info.format = "heic".into();
        assert_eq!(summary(&manifest), "image/avif 320,640 | 320 | /a.png.w320.jpeg");
    }

    #[test]
    fn format_without_the_largest_width_has_a_note() {
        let notes_of = |variants: &[_]| {
            let mut manifest = manifest(variants);
            manifest.source.info.format = "heic".into();
            notes(&picture_element(&manifest, &options()).unwrap())
        };
        assert_eq!(notes_of(&[(Avif, 640), (Jpeg, 640)]), [""; 0]);
        let [note] = notes_of(&[(Avif, 320), (Jpeg, 640)]).try_into().unwrap();
        assert!(note.starts_with("the widest image/avif variant has 320 pixels, but the element has 640"), "{note}");
        let [note] = notes_of(&[(Avif, 640), (Jpeg, 320)]).try_into().unwrap();
        assert!(note.starts_with("the widest fallback variant has 320 pixels"), "{note}");
    }
}
