//! Tests that outputs contain only the image, unless the recipe keeps metadata. The tests write markers into every part
//! of a file that can contain data other than the image.

use image::{DynamicImage, ImageFormat, RgbaImage};
use model::{Metadata, Recipe};
use tiff::tags::Tag;

use crate::animation_fixtures::{Frame, FrameDisposal, apng, gif, webp};
use crate::avif_boxes::{Boxes, Item, build_box, ispe};
use crate::avif_tools::{avifdec, avifenc_in, convert_file, recipe};
use crate::fixtures::{
    EmbeddedMetadata, encode_image, encode_with_metadata, exif_with_orientation, gradient_image, with_jpeg_segment,
    with_png_chunks, with_webp_chunks, zlib_stored,
};
use crate::icc;

const MARKER: &[u8] = b"SECRET";

fn count_markers(bytes: &[u8]) -> usize {
    bytes.windows(MARKER.len()).filter(|window| *window == MARKER).count()
}

fn image() -> DynamicImage {
    gradient_image(64, 48).into()
}

/// Builds Exif with a marker as the camera's make, followed by a maker note and a thumbnail that also contain markers.
fn marked_exif() -> Vec<u8> {
    let exif = exif_with_orientation(1);
    let garden = exif.windows(12).position(|window| window == b"SecretGarden").unwrap();
    [&exif[..garden], b"SECRET in there\0", b"MakerNote SECRET", b"\xff\xd8\xff\xfe\0\x08SECRET\xff\xd9"].concat()
}

fn marked_xmp() -> Vec<u8> {
    b"<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><a exif:GPSLatitude=\"SECRET\"/></x:xmpmeta>".to_vec()
}

/// Builds a profile with a marker in a private tag, in its header and after its end.
fn marked_icc() -> Vec<u8> {
    let mut icc = icc::with_tag(&icc::rgb(icc::DISPLAY_P3, 2.2), *b"scrt", b"text\0\0\0\0SECRET\0\0");
    icc[48..54].copy_from_slice(MARKER);
    [&icc[..], MARKER].concat()
}

fn extras<'a>(icc: &'a [u8], exif: &'a [u8]) -> EmbeddedMetadata<'a> {
    EmbeddedMetadata { icc: Some(icc), exif: Some(exif) }
}

/// Converts the file at full size and at a narrower width, and checks that no variant contains a marker. The file must
/// contain at least `planted` markers.
fn assert_stripped(what: &str, file: &[u8], planted: usize) {
    assert!(count_markers(file) >= planted, "{what}: {} markers planted", count_markers(file));
    let strip = Recipe { sizes: "full,32".parse().unwrap(), ..recipe() };
    let conversion = convert_file(file, &strip).unwrap_or_else(|error| unreachable!("{what}: {error}"));
    assert_eq!(conversion.variants.len(), 2, "{what}");
    for variant in &conversion.variants {
        assert_eq!(count_markers(&variant.bytes), 0, "{what} at {}", variant.width);
    }
}

/// Converts the file with `Metadata::Keep`, and checks that every variant contains a marker.
fn assert_kept(what: &str, file: &[u8]) {
    let keep = Recipe { metadata: Metadata::Keep, sizes: "full,32".parse().unwrap(), ..recipe() };
    for variant in convert_file(file, &keep).unwrap().variants {
        assert_ne!(count_markers(&variant.bytes), 0, "{what} at {}", variant.width);
    }
}

#[test]
fn jpeg_metadata_is_removed() {
    let mut file = encode_with_metadata(&image(), ImageFormat::Jpeg, extras(&marked_icc(), &marked_exif()));
    let extended = b"http://ns.adobe.com/xmp/extension/\x000123456789abcdef0123456789abcdef\0\0\0\x06\0\0\0\0SECRET";
    for (marker, data) in [
        (0xe0, &b"JFXX\0\x10SECRET"[..]),
        (0xe1, &[&b"http://ns.adobe.com/xap/1.0/\0"[..], &marked_xmp()].concat()),
        (0xe1, extended),
        (0xe2, b"FPXR\0SECRET"),
        (0xeb, b"JP\0\x01\0\0\0\x01\0\0\0\x10jumbSECRET"),
        (0xec, b"Ducky\0SECRET"),
        (0xed, b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0\x0b\x1c\x02\x78\0\x06SECRET"),
        (0xfe, b"SECRET"),
    ] {
        file = with_jpeg_segment(&file, marker, data);
    }
    let second = with_jpeg_segment(&file, 0xfe, MARKER);
    let file = [&file[..], &second, MARKER].concat();
    assert_stripped("JPEG", &file, 20);
    assert_kept("JPEG", &file);
}

fn png_chunks() -> Vec<([u8; 4], Vec<u8>)> {
    let text = zlib_stored(MARKER);
    vec![
        (*b"tEXt", b"Author\0SECRET".to_vec()),
        (*b"zTXt", [&b"Comment\0\0"[..], &text].concat()),
        (*b"iTXt", [&b"XML:com.adobe.xmp\0\0\0\0\0"[..], &marked_xmp()].concat()),
        (*b"iTXt", [&b"Comment\0\x01\0\0\0"[..], &text].concat()),
        (*b"eXIf", marked_exif()),
        (*b"caBX", b"\0\0\0\x10jumbSECRET".to_vec()),
        (*b"prVt", b"SECRET".to_vec()),
    ]
}

fn with_png_metadata(png: &[u8]) -> Vec<u8> {
    let chunks = png_chunks();
    let chunks: Vec<_> = chunks.iter().map(|(name, data)| (name, &data[..])).collect();
    [&with_png_chunks(png, &chunks)[..], MARKER].concat()
}

#[test]
fn png_metadata_is_removed() {
    let file = with_png_metadata(&encode_image(&image(), ImageFormat::Png));
    assert_stripped("PNG", &file, 10);
    assert_kept("PNG", &file);
    // The encoder compresses the profile, so the file contains no readable marker before the conversion.
    let icc = marked_icc();
    let file = encode_with_metadata(
        &image(),
        ImageFormat::Png,
        EmbeddedMetadata { icc: Some(&icc), ..EmbeddedMetadata::default() },
    );
    assert_stripped("PNG with a profile", &file, 0);
    assert_kept("PNG with a profile", &file);
}

fn frames() -> Vec<Frame> {
    let frame = |pixels: RgbaImage| Frame {
        left: 0,
        top: 0,
        pixels,
        milliseconds: 100,
        is_blended: false,
        disposal: FrameDisposal::Keep,
    };
    vec![frame(image().to_rgba8()), frame(image().rotate180().to_rgba8())]
}

#[test]
fn animation_metadata_is_removed() {
    assert_stripped("APNG", &with_png_metadata(&apng((64, 48), &frames(), 0, None)), 10);

    let plain = gif(64, 48, &frames(), Some(0));
    let colors = if plain[10] & 0x80 == 0 { 0 } else { 3 << ((plain[10] & 7) + 1) };
    let (head, rest) = plain.split_at(13 + colors);
    let extensions =
        [&b"!\xfe\x06SECRET\0"[..], b"!\xff\x0bXMP DataXMP\x06SECRET\0", b"!\xff\x0bSECRET 0001\x06SECRET\0"];
    let gif = [head, &extensions.concat(), rest, MARKER].concat();
    assert_stripped("GIF", &gif, 5);

    assert_stripped("animated WebP", &with_webp_metadata(&webp((64, 48), &frames(), 0)), 4);
}

/// Returns a copy of the WebP with additional metadata chunks at its end and a marker after its end.
fn with_webp_metadata(webp: &[u8]) -> Vec<u8> {
    let chunks: [(_, &[u8]); 3] = [(b"EXIF", &marked_exif()), (b"XMP ", &marked_xmp()), (b"scrt", MARKER)];
    [&with_webp_chunks(webp, &chunks)[..], MARKER].concat()
}

#[test]
fn webp_metadata_is_removed() {
    let (icc, exif) = (marked_icc(), marked_exif());
    let file = with_webp_metadata(&encode_with_metadata(&image(), ImageFormat::WebP, extras(&icc, &exif)));
    assert_stripped("WebP", &file, 8);
    assert_kept("WebP", &file);
}

#[test]
fn tiff_metadata_is_removed() {
    let image = gradient_image(64, 48);
    let mut bytes = std::io::Cursor::new(vec![]);
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
    for page in 0..2 {
        let mut directory = encoder.new_image::<tiff::encoder::colortype::RGB8>(64, 48).unwrap();
        let tags = directory.encoder();
        for tag in [Tag::ImageDescription, Tag::Artist, Tag::Software, Tag::Make, Tag::Copyright] {
            tags.write_tag(tag, "SECRET").unwrap();
        }
        // The numbers are the tags of XMP, IPTC and Photoshop, and an unassigned tag.
        for (tag, data) in
            [(700, marked_xmp()), (33_723, MARKER.to_vec()), (34_377, MARKER.to_vec()), (65_000, MARKER.to_vec())]
        {
            tags.write_tag(Tag::Unknown(tag), &data[..]).unwrap();
        }
        if page == 0 {
            tags.write_tag(Tag::IccProfile, &marked_icc()[..]).unwrap();
        }
        directory.write_data(image.as_raw()).unwrap();
    }
    let file = [&bytes.into_inner()[..], MARKER].concat();
    assert_stripped("TIFF", &file, 20);
    assert_kept("TIFF", &file);
}

#[test]
fn bmp_metadata_is_removed() {
    let file = [&encode_image(&image(), ImageFormat::Bmp)[..], MARKER].concat();
    assert_stripped("BMP", &file, 1);
}

/// Builds an OBU of this type.
fn obu(obu_type: u8, payload: &[u8]) -> Vec<u8> {
    [&[obu_type << 3 | 2, u8::try_from(payload.len()).unwrap()], payload].concat()
}

/// Returns a copy of the item data with additional OBUs that no decoder needs. The item data starts with a temporal
/// delimiter of two bytes.
fn with_removable_obus(data: &[u8]) -> Vec<u8> {
    let obus = [obu(5, b"\x04\xb5SECRET\x80"), obu(15, MARKER), obu(9, MARKER)].concat();
    [&data[..2], &obus, &data[2..], &obu(15, MARKER)].concat()
}

fn item(kind: [u8; 4], name: &'static [u8], data: Vec<u8>, properties: &[u8]) -> Item {
    Item { kind, name, data, properties: properties.to_vec(), excess: 0 }
}

/// Appends boxes with markers to the file, and then a marker that is in no box.
fn with_tail(avif: &[u8]) -> Vec<u8> {
    let boxes = [build_box(*b"uuid", b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8SECRET"), build_box(*b"free", MARKER)].concat();
    [avif, &boxes, MARKER].concat()
}

fn with_items(mut boxes: Boxes) -> Vec<u8> {
    let items = u8::try_from(boxes.items.len()).unwrap();
    let more = [
        item(*b"Exif", b"SECRET", [&[0; 4][..], &marked_exif()].concat(), &[]),
        item(*b"mime", b"\0application/rdf+xml", marked_xmp(), &[]),
        item(*b"mime", b"SECRET\0text/plain", MARKER.to_vec(), &[]),
        item(*b"uri ", b"\0https://example.com/SECRET", MARKER.to_vec(), &[]),
        // The first of these images is a thumbnail. No reference contains the second image.
        item(*b"av01", b"SECRET", MARKER.to_vec(), &[1]),
        item(*b"av01", b"SECRET", MARKER.to_vec(), &[1]),
        Item { excess: 1 << 20, ..item(*b"Exif", b"", MARKER.to_vec(), &[]) },
    ];
    boxes.items.extend(more);
    boxes.references.extend([
        (*b"cdsc", items + 1, vec![1]),
        (*b"cdsc", items + 2, vec![1]),
        (*b"thmb", items + 5, vec![1]),
    ]);
    boxes.properties.extend([
        build_box(*b"udes", b"\0\0\0\0en\0SECRET\0\0\0"),
        build_box(*b"colr", &[b"prof", &marked_icc()[..]].concat()),
        build_box(*b"free", MARKER),
    ]);
    let properties = u8::try_from(boxes.properties.len()).unwrap();
    boxes.items[0].properties.extend(properties - 2..=properties);
    boxes.handler = MARKER;
    with_tail(&boxes.file())
}

#[test]
fn avif_image_and_grid_metadata_is_removed() {
    let mut still = Boxes::still(&image());
    let plain = avifdec(&still.file()).image;
    still.items[0].data = with_removable_obus(&still.items[0].data);
    still.items[0].name = MARKER;
    let file = with_items(still);
    assert_stripped("AVIF", &file, 20);
    assert!(avifdec(&convert_file(&file, &recipe()).unwrap().variants[0].bytes).image == plain, "the pixels differ");

    let mut grid = Boxes::still(&DynamicImage::from(gradient_image(64, 64)));
    let cell = Item { data: with_removable_obus(&grid.items[0].data), ..grid.items.remove(0) };
    grid.properties.push(ispe(128, 64));
    grid.items.push(item(*b"grid", MARKER, b"\0\0\0\x01\0\x80\0\x40SECRET".to_vec(), &[4, 2]));
    grid.items.extend([cell.clone(), cell]);
    grid.references.push((*b"dimg", 1, vec![2, 3]));
    assert_stripped("AVIF grid", &with_items(grid), 20);

    // This check does not use `with_items`, because `with_items` adds an extent outside the file. An AVIF that is
    // copied with its metadata must not have such an extent.
    let folder = tempfile::tempdir().unwrap();
    assert_kept("AVIF", &with_tail(&encode_avif(folder.path(), &["a.png"])));
}

/// Encodes the files in `inputs` with `avifenc`, with Exif, XMP and a profile. `a.png` contains the image, and `b.png`
/// contains the image rotated by 180°.
fn encode_avif(folder: &std::path::Path, inputs: &[&str]) -> Vec<u8> {
    // The profile must end without the marker, because the PNG encoder in `avifdec` rejects a profile with additional
    // bytes at its end.
    let icc = marked_icc();
    let icc = icc.strip_suffix(MARKER).unwrap();
    for (name, data) in [("exif", &marked_exif()[..]), ("xmp", &marked_xmp()), ("icc", icc)] {
        std::fs::write(folder.join(name), data).unwrap();
    }
    image().save(folder.join("a.png")).unwrap();
    image().rotate180().save(folder.join("b.png")).unwrap();
    avifenc_in(folder, &[&["--exif", "exif", "--xmp", "xmp", "--icc", "icc"], inputs].concat())
}

#[test]
fn avif_sequence_metadata_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = encode_avif(folder.path(), &["a.png", "b.png"]);
    let before = avifdec(&file).image;
    // The text that replaces the handler name has the same length as the handler name.
    while let Some(at) = file.windows(7).position(|window| window == b"libavif") {
        file[at..at + 7].copy_from_slice(b"SECRET ");
    }
    // The markers replace the creation times and the modification times.
    for at in 0..file.len() - 20 {
        if [&b"mvhd"[..], b"tkhd", b"mdhd"].contains(&&file[at..at + 4]) {
            file[at + 8..at + 14].copy_from_slice(MARKER);
        }
    }
    let file = with_tail(&file);
    assert_stripped("AVIF sequence", &file, 12);
    assert!(avifdec(&convert_file(&file, &recipe()).unwrap().variants[0].bytes).image == before, "the pixels differ");
    assert_kept("AVIF sequence", &file);
}
