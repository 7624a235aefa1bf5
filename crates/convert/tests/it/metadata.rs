use image::ImageFormat;
use model::{Metadata, Recipe};

use crate::avif_tools::{convert_to_avif, recipe};
use crate::fixtures::{EmbeddedMetadata, encode_with_metadata, exif_with_orientation, gradient_image};

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn photograph(format: ImageFormat) -> Vec<u8> {
    let exif = exif_with_orientation(6);
    encode_with_metadata(
        &gradient_image(192, 128).into(),
        format,
        EmbeddedMetadata { exif: Some(&exif), ..EmbeddedMetadata::default() },
    )
}

#[test]
fn exif_is_removed_by_default() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let file = photograph(format);
        assert!(contains(&file, b"SecretGarden"));
        assert!(!contains(&convert_to_avif(&file, &recipe()), b"SecretGarden"), "{format:?}");
    }
}

#[test]
fn kept_exif_has_upright_orientation() {
    let recipe = Recipe { metadata: Metadata::Keep, ..recipe() };
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let avif = convert_to_avif(&photograph(format), &recipe);
        assert!(contains(&avif, b"SecretGarden"), "{format:?}");
        assert!(!contains(&avif, &exif_with_orientation(6)), "{format:?}: a viewer would rotate it again");
        assert!(!contains(&avif, b"irot") && !contains(&avif, b"imir"));
    }
}

#[test]
fn kept_xmp_has_upright_orientation() {
    let xmp =
        br#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" dc:creator="me"/></x:xmpmeta>"#;
    let mut file = vec![];
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, 90);
    encoder.add_app_segment(1, [b"http://ns.adobe.com/xap/1.0/\0".as_slice(), xmp].concat()).unwrap();
    encoder.encode(gradient_image(192, 128).as_raw(), 192, 128, jpeg_encoder::ColorType::Rgb).unwrap();
    let kept = convert_to_avif(&file, &Recipe { metadata: Metadata::Keep, ..recipe() });
    assert!(contains(&kept, br#"tiff:Orientation="1" dc:creator="me""#));
    assert!(!contains(&convert_to_avif(&file, &recipe()), b"dc:creator"));
}
