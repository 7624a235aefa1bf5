use image::ImageFormat;
use model::{Metadata, Recipe};

use crate::look::{avif, recipe};
use crate::source::{Extras, exif, file_with, picture};

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn photograph(format: ImageFormat) -> Vec<u8> {
    let exif = exif(6);
    file_with(&picture(192, 128).into(), format, Extras { exif: Some(&exif), ..Extras::default() })
}

#[test]
fn nothing_of_exif_is_left_unless_it_is_asked_for() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let file = photograph(format);
        assert!(holds(&file, b"SecretGarden"));
        assert!(!holds(&avif(&file, &recipe()), b"SecretGarden"), "{format:?}");
    }
}

#[test]
fn exif_that_is_kept_says_upright() {
    let recipe = Recipe { metadata: Metadata::Keep, ..recipe() };
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let avif = avif(&photograph(format), &recipe);
        assert!(holds(&avif, b"SecretGarden"), "{format:?}");
        assert!(!holds(&avif, &exif(6)), "{format:?}: a viewer would turn it again");
        assert!(!holds(&avif, b"irot") && !holds(&avif, b"imir"));
    }
}

#[test]
fn xmp_that_is_kept_says_upright() {
    let xmp =
        br#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" dc:creator="me"/></x:xmpmeta>"#;
    let mut file = vec![];
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, 90);
    encoder.add_app_segment(1, [b"http://ns.adobe.com/xap/1.0/\0".as_slice(), xmp].concat()).unwrap();
    encoder.encode(picture(192, 128).as_raw(), 192, 128, jpeg_encoder::ColorType::Rgb).unwrap();
    let kept = avif(&file, &Recipe { metadata: Metadata::Keep, ..recipe() });
    assert!(holds(&kept, br#"tiff:Orientation="1" dc:creator="me""#));
    assert!(!holds(&avif(&file, &recipe()), b"dc:creator"));
}
