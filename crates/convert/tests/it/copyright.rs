//! Tests that `Metadata::Copyright` keeps exactly creator, copyright notice, credit and usage terms. All other parts of the
//! sources contain a marker. libavif, `image-webp` and `zune-jpeg` read the variants.

use std::collections::BTreeMap;
use std::io::Cursor;

use convert::Variant;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader};
use model::{Metadata, OutputFormat, Recipe};
use roxmltree::Document;
use tiff::tags::Tag;

use crate::animation_fixtures::{Frame, FrameDisposal, apng};
use crate::avif_tools::{avifdec, avifdec_info, avifenc_in, convert_file};
use crate::fixtures::{
    EmbeddedMetadata, GainMapFormat, encode_image, encode_with_metadata, gradient_image, with_gain_map,
    with_jpeg_segment, with_png_chunks, with_webp_chunks,
};
#[cfg(feature = "heic")]
use crate::heic_fixtures::{COLOR, Item, heic};
use crate::icc;

const MARKER: &[u8] = b"SECRET";
const XMP_SEGMENT: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

fn recipe(metadata: Metadata) -> Recipe {
    let (formats, sizes) = ("avif,webp,jpeg".parse().unwrap(), "full,32".parse().unwrap());
    Recipe { formats, sizes, metadata, ..crate::avif_tools::recipe() }
}

fn count_markers(bytes: &[u8]) -> usize {
    bytes.windows(MARKER.len()).filter(|window| *window == MARKER).count()
}

fn image() -> DynamicImage {
    gradient_image(64, 48).into()
}

/// Builds Exif with an artist and a copyright. The camera's make, the maker note, the GPS directory and the thumbnail contain
/// markers.
fn exif() -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: usize, value: usize| {
        let numbers = [count, value].map(|number| u32::try_from(number).unwrap().to_be_bytes());
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), numbers.as_flattened()].concat()
    };
    let directory = |entries: &[Vec<u8>], next: usize| {
        let count = u16::try_from(entries.len()).unwrap().to_be_bytes();
        [&count[..], &entries.concat(), &u32::try_from(next).unwrap().to_be_bytes()].concat()
    };
    let (artist, copyright) = (b"Ann Lee, B\xc3\xa9a\0".as_slice(), b"2024 Ann Lee\0".as_slice());
    let thumbnail = b"\xff\xd8\xff\xfe\0\x08SECRET\xff\xd9";
    // The positions of the directories and of the values after the directories.
    let (photo, gps, second) = (8 + 2 + 5 * 12 + 4, 92, 110);
    let mut values = second + 2 + 2 * 12 + 4;
    let mut place = |data: &[u8]| {
        values += data.len();
        values - data.len()
    };
    let [make, artist_at, copyright_at, note, map, thumbnail_at] =
        [MARKER, artist, copyright, MARKER, MARKER, thumbnail].map(&mut place);
    let first = [
        entry(0x010f, 2, MARKER.len(), make),
        entry(0x013b, 2, artist.len(), artist_at),
        entry(0x8298, 2, copyright.len(), copyright_at),
        entry(0x8769, 4, 1, photo),
        entry(0x8825, 4, 1, gps),
    ];
    let exif = [
        b"MM\0*\0\0\0\x08".to_vec(),
        directory(&first, second),
        directory(&[entry(0x927c, 7, MARKER.len(), note)], 0),
        directory(&[entry(0x001b, 7, MARKER.len(), map)], 0),
        directory(&[entry(0x0201, 4, 1, thumbnail_at), entry(0x0202, 4, 1, thumbnail.len())], 0),
        [MARKER, artist, copyright, MARKER, MARKER, thumbnail].concat(),
    ];
    exif.concat()
}

/// Builds a profile with a marker in a private tag.
fn profile() -> Vec<u8> {
    icc::with_tag(&icc::rgb(icc::DISPLAY_P3, 2.2), *b"scrt", b"text\0\0\0\0SECRET\0\0")
}

/// Builds a packet with all fields, of which one is an attribute, and with markers in all other properties.
fn xmp() -> String {
    let fields = "<dc:creator><rdf:Seq><rdf:li>Ann Lee</rdf:li><rdf:li>Béa &amp; Co</rdf:li></rdf:Seq></dc:creator>\
        <dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>© 2024 Ann Lee</rdf:li><rdf:li xml:lang='fr'>© &lt;2024&gt;</rdf:li>\
        </rdf:Alt></dc:rights><xmpRights:UsageTerms><rdf:Alt><rdf:li xml:lang='x-default'>Ask first</rdf:li></rdf:Alt>\
        </xmpRights:UsageTerms><xmpRights:WebStatement>https://example.com/?a=1&amp;b=2</xmpRights:WebStatement>\
        <xmpRights:Marked>True</xmpRights:Marked>";
    let others = "<dc:subject><rdf:Bag><rdf:li>SECRET</rdf:li></rdf:Bag></dc:subject>\
        <Iptc4xmpCore:CreatorContactInfo Iptc4xmpCore:CiEmailWork='SECRET'/><xmpRights:Owner><rdf:Bag><rdf:li>SECRET</rdf:li>\
        </rdf:Bag></xmpRights:Owner><plus:Licensor><rdf:Seq><rdf:li rdf:parseType='Resource'><plus:LicensorURL>SECRET\
        </plus:LicensorURL></rdf:li></rdf:Seq></plus:Licensor><xmpMM:Pantry><rdf:Bag><rdf:li><rdf:Description \
        photoshop:Credit='SECRET'/></rdf:li></rdf:Bag></xmpMM:Pantry><!-- SECRET --><?SECRET SECRET?>";
    format!(
        "<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/' x:xmptk='SECRET'><rdf:RDF \
         xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='SECRET' \
         xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:exif='http://ns.adobe.com/exif/1.0/' \
         xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/' xmlns:xmpRights='http://ns.adobe.com/xap/1.0/rights/' \
         xmlns:Iptc4xmpCore='http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/' xmlns:xmpMM='http://ns.adobe.com/xap/1.0/mm/' \
         xmlns:plus='http://ns.useplus.org/ldf/xmp/1.0/' xmlns:s='urn:SECRET' photoshop:Credit='Ann Lee/Agency' \
         photoshop:Source='SECRET' photoshop:City='SECRET' exif:GPSLatitude='SECRET'>{fields}{others}</rdf:Description>\
         </rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
    )
}

/// The tags of [`exif`] that are kept.
fn expected_exif() -> BTreeMap<u16, String> {
    BTreeMap::from([(0x013b, "Ann Lee, Béa".into()), (0x8298, "2024 Ann Lee".into())])
}

/// The properties of [`xmp`] that are kept, each with the languages and the texts of its items.
fn expected_xmp() -> BTreeMap<String, Vec<String>> {
    let properties = [
        ("http://purl.org/dc/elements/1.1/creator", &["Seq", "Ann Lee", "Béa & Co"][..]),
        ("http://purl.org/dc/elements/1.1/rights", &["Alt", "x-default: © 2024 Ann Lee", "fr: © <2024>"]),
        ("http://ns.adobe.com/photoshop/1.0/Credit", &["Ann Lee/Agency"]),
        ("http://ns.adobe.com/xap/1.0/rights/UsageTerms", &["Alt", "x-default: Ask first"]),
        ("http://ns.adobe.com/xap/1.0/rights/WebStatement", &["https://example.com/?a=1&b=2"]),
        ("http://ns.adobe.com/xap/1.0/rights/Marked", &["True"]),
    ];
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    properties.into_iter().map(|(name, texts)| (name.to_owned(), owned(texts))).collect()
}

/// Reads the tags of little-endian Exif. All must be texts in its only directory.
fn read_exif(exif: &[u8]) -> BTreeMap<u16, String> {
    let number = |at: usize| u32::from_le_bytes(exif[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!(exif[..8], *b"II*\0\x08\0\0\0");
    let count = usize::from(exif[8]);
    assert_eq!(number(10 + 12 * count), 0, "another directory follows");
    let entries = (0..count).map(|entry| 10 + 12 * entry);
    let text = |at: usize| {
        assert_eq!(exif[at + 2..at + 4], [2, 0]);
        let length = number(at + 4);
        let start = if length > 4 { number(at + 8) } else { at + 8 };
        let text = exif[start..start + length].strip_suffix(b"\0").unwrap();
        (u16::from_le_bytes([exif[at], exif[at + 1]]), String::from_utf8(text.to_vec()).unwrap())
    };
    entries.map(text).collect()
}

/// Reads the properties of a packet that has only one description without attributes except for `rdf:about`.
fn read_xmp(packet: &[u8]) -> BTreeMap<String, Vec<String>> {
    let document = Document::parse(std::str::from_utf8(packet).unwrap()).unwrap();
    let descriptions: Vec<_> = document.descendants().filter(|node| node.tag_name().name() == "Description").collect();
    let [description] = descriptions[..] else { unreachable!("{packet:?}") };
    assert_eq!(description.attributes().map(|attribute| attribute.value()).collect::<Vec<_>>(), [""]);
    let properties = description.children().map(|property| {
        let name = property.tag_name();
        let texts = property.descendants().skip(1).filter_map(|node| {
            let language = node.attribute(("http://www.w3.org/XML/1998/namespace", "lang"));
            match (node.is_text(), node.tag_name().name()) {
                (true, _) => Some(node.text().unwrap().to_owned()),
                (false, "li") => language.map(|language| format!("{language}:")),
                (false, array) => Some(array.to_owned()),
            }
        });
        // Joins a language and its text.
        let mut joined: Vec<String> = vec![];
        for text in texts {
            match joined.last_mut().filter(|last| last.ends_with(':')) {
                Some(language) => *language = format!("{language} {text}"),
                None => joined.push(text),
            }
        }
        (format!("{}{}", name.namespace().unwrap(), name.name()), joined)
    });
    properties.collect()
}

/// Reads Exif and XMP of a variant.
fn read_metadata(variant: &Variant) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    if variant.id.format == OutputFormat::Avif {
        let attachments = avif::header(&variant.bytes).unwrap().attachments;
        return (attachments.exif, attachments.xmp);
    }
    let reader = ImageReader::new(Cursor::new(&variant.bytes)).with_guessed_format().unwrap();
    let mut decoder = reader.into_decoder().unwrap();
    (decoder.exif_metadata().unwrap(), decoder.xmp_metadata().unwrap())
}

/// Converts the file to all formats, and checks that every variant contains exactly the fields. The file must contain at least
/// `planted` markers. Also checks that no variant contains a marker if the recipe strips the metadata.
fn assert_only_copyright_is_kept(what: &str, file: &[u8], planted: usize) {
    assert!(count_markers(file) >= planted, "{what}: {} markers planted", count_markers(file));
    let conversion = convert_file(file, &recipe(Metadata::Copyright)).unwrap();
    assert_eq!(conversion.variants.len(), 6, "{what}");
    for variant in &conversion.variants {
        let what = format!("{what} to {}", variant.id);
        let (exif, xmp) = read_metadata(variant);
        assert_eq!(exif.map(|exif| read_exif(&exif)), Some(expected_exif()), "{what}");
        assert_eq!(xmp.map(|xmp| read_xmp(&xmp)), Some(expected_xmp()), "{what}");
        assert_eq!(count_markers(&variant.bytes), 0, "{what}");
    }
    let is_omitted = |note: &String| note.starts_with("its Exif") || note.starts_with("its XMP");
    assert!(!conversion.notes.iter().any(is_omitted), "{what}: {:?}", conversion.notes);
    for variant in convert_file(file, &recipe(Metadata::Strip)).unwrap().variants {
        assert_eq!(read_metadata(&variant), (None, None), "{what} to {}", variant.id);
        assert_eq!(count_markers(&variant.bytes), 0, "{what} to {}", variant.id);
    }
}

fn with_exif(format: ImageFormat) -> Vec<u8> {
    encode_with_metadata(&image(), format, EmbeddedMetadata { icc: Some(&profile()), exif: Some(&exif()) })
}

fn with_xmp_segment(jpeg: &[u8], packet: &[u8]) -> Vec<u8> {
    with_jpeg_segment(jpeg, 0xe1, &[XMP_SEGMENT, packet].concat())
}

/// Builds a segment of Photoshop with datasets of IPTC-IIM: each has a number and a text.
fn iim(datasets: &[(u8, &[u8])]) -> Vec<u8> {
    let dataset = |(number, text): &(u8, &[u8])| {
        [&[0x1c, 2, *number][..], &u16::try_from(text.len()).unwrap().to_be_bytes(), text].concat()
    };
    let data: Vec<u8> = datasets.iter().flat_map(dataset).collect();
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [b"Photoshop 3.0\08BIM\x04\x04\0\0", &length[..], &data].concat()
}

#[test]
fn jpeg_keeps_only_its_copyright() {
    let jpeg = with_xmp_segment(&with_exif(ImageFormat::Jpeg), xmp().as_bytes());
    let jpeg = with_jpeg_segment(&jpeg, 0xed, &iim(&[(80, b"other"), (90, MARKER)]));
    let jpeg = with_jpeg_segment(&with_jpeg_segment(&jpeg, 0xe0, b"JFXX\0\x10SECRET"), 0xfe, MARKER);
    assert_only_copyright_is_kept("JPEG", &jpeg, 22);
    // The text has the same length as the address that it replaces.
    let address = b"adobe:ns:meta/";
    let mut map = with_gain_map(&jpeg, &GrayImage::new(16, 12), GainMapFormat::AdobeXmp);
    let at = map.windows(address.len()).rposition(|window| window == address).unwrap();
    map[at..at + address.len()].copy_from_slice(b"SECRET:ns:met/");
    assert_only_copyright_is_kept("JPEG with a gain map", &[&map[..], MARKER].concat(), 24);
}

#[test]
fn png_keeps_only_its_copyright() {
    let xmp = [b"XML:com.adobe.xmp\0\0\0\0\0", xmp().as_bytes()].concat();
    let chunks: [(_, &[u8]); 4] =
        [(b"eXIf", &exif()), (b"iTXt", &xmp), (b"tEXt", b"Author\0SECRET"), (b"prVt", MARKER)];
    let png = with_png_chunks(&encode_image(&image(), ImageFormat::Png), &chunks);
    assert_only_copyright_is_kept("PNG", &png, 20);
}

#[test]
fn webp_keeps_only_its_copyright() {
    let mut webp = with_webp_chunks(&with_exif(ImageFormat::WebP), &[(b"XMP ", xmp().as_bytes()), (b"scrt", MARKER)]);
    // The flags of the extended header.
    webp[20] |= 4;
    assert_only_copyright_is_kept("WebP", &webp, 19);
}

#[test]
fn tiff_keeps_only_its_copyright() {
    let mut bytes = Cursor::new(vec![]);
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
    let mut directory = encoder.new_image::<tiff::encoder::colortype::RGB8>(64, 48).unwrap();
    let tags = directory.encoder();
    let expected = expected_exif();
    let texts = [(Tag::Artist, &expected[&0x013b][..]), (Tag::Copyright, &expected[&0x8298])];
    for (tag, text) in [(Tag::ImageDescription, "SECRET"), (Tag::Software, "SECRET")] {
        tags.write_tag(tag, text).unwrap();
    }
    for (tag, text) in texts {
        tags.write_tag(tag, &[text.as_bytes(), b"\0"].concat()[..]).unwrap();
    }
    // The numbers are the tags of XMP, IPTC and Photoshop, and an unassigned tag.
    for (tag, data) in [(700, xmp().as_bytes()), (33_723, MARKER), (34_377, MARKER), (65_000, MARKER)] {
        tags.write_tag(Tag::Unknown(tag), data).unwrap();
    }
    directory.write_data(image().to_rgb8().as_raw()).unwrap();
    assert_only_copyright_is_kept("TIFF", &bytes.into_inner(), 15);
}

#[cfg(feature = "heic")]
#[test]
fn heic_keeps_only_its_copyright() {
    let exif = Item::new(*b"Exif", &[&[0; 4][..], &exif()].concat());
    let items = [Item::picture(COLOR), exif, Item::new(*b"mime", xmp().as_bytes())];
    let file = heic(&items, &[(*b"cdsc", 2, &[1]), (*b"cdsc", 3, &[1])]);
    assert_only_copyright_is_kept("HEIC", &file, 18);
}

/// Encodes the image and `others` with `avifenc`, with Exif and XMP.
fn encode_avif(others: &[DynamicImage]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    for (name, data) in [("exif", exif()), ("xmp", xmp().into_bytes()), ("icc", profile())] {
        std::fs::write(folder.path().join(name), data).unwrap();
    }
    let mut inputs = vec![];
    for (index, image) in [image()].iter().chain(others).enumerate() {
        inputs.push(format!("{index}.png"));
        image.save(folder.path().join(&inputs[index])).unwrap();
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    avifenc_in(folder.path(), &[&["--exif", "exif", "--xmp", "xmp", "--icc", "icc"], &inputs[..]].concat())
}

#[test]
fn copied_avif_keeps_only_its_copyright() {
    for (what, others) in [("AVIF", vec![]), ("AVIF sequence", vec![image().rotate180()])] {
        let file = encode_avif(&others);
        assert_only_copyright_is_kept(what, &file, 19);
        let conversion = convert_file(&file, &recipe(Metadata::Copyright)).unwrap();
        let copy = &conversion.variants[0];
        assert!(copy.is_source);
        assert_eq!(avifdec(&copy.bytes).image, avifdec(&file).image, "{what}");
        let info = avifdec_info(&copy.bytes);
        assert!(info.contains("XMP Metadata   : Present") && info.contains("Exif Metadata  : Present"), "{info}");
        let note = "the source is already AVIF: copied without re-encoding, metadata removed except for creator, copyright, \
                    credit and usage terms";
        assert!(conversion.notes.iter().any(|known| known == note), "{:?}", conversion.notes);
        // The copy is a source like any other.
        let again = convert_file(&copy.bytes, &recipe(Metadata::Copyright)).unwrap();
        assert_eq!(again.variants[0].bytes, copy.bytes, "{what}");
    }
}

#[test]
fn animation_keeps_its_copyright_except_in_webp() {
    let frame = |image: DynamicImage| Frame {
        left: 0,
        top: 0,
        pixels: image.to_rgba8(),
        milliseconds: 100,
        is_blended: false,
        disposal: FrameDisposal::Keep,
    };
    let plain = apng((64, 48), &[frame(image()), frame(image().rotate180())], 0, None);
    let file = with_png_chunks(&plain, &[(b"eXIf", &exif())]);
    for variant in convert_file(&file, &recipe(Metadata::Copyright)).unwrap().variants {
        let exif = read_metadata(&variant).0.map(|exif| read_exif(&exif));
        assert_eq!(exif, (variant.id.format != OutputFormat::Webp).then(expected_exif), "{}", variant.id);
    }
}

#[test]
fn iim_of_a_jpeg_is_moved_to_xmp_where_xmp_has_no_value() {
    let jpeg = encode_image(&image(), ImageFormat::Jpeg);
    let jpeg =
        with_jpeg_segment(&jpeg, 0xed, &iim(&[(80, b"Ann"), (90, MARKER), (110, b"Agency"), (116, b"\xa9 Ann")]));
    let credit = "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description \
                  xmlns:p='http://ns.adobe.com/photoshop/1.0/' p:Credit='Other'/></rdf:RDF>";
    let (dc, photoshop) = ("http://purl.org/dc/elements/1.1/", "http://ns.adobe.com/photoshop/1.0/");
    for (file, credit) in [(with_xmp_segment(&jpeg, credit.as_bytes()), "Other"), (jpeg, "Agency")] {
        for variant in convert_file(&file, &recipe(Metadata::Copyright)).unwrap().variants {
            let (exif, xmp) = read_metadata(&variant);
            let expected = BTreeMap::from([
                (format!("{dc}creator"), vec!["Seq".to_owned(), "Ann".into()]),
                (format!("{dc}rights"), vec!["Alt".into(), "x-default: © Ann".into()]),
                (format!("{photoshop}Credit"), vec![credit.into()]),
            ]);
            assert_eq!((exif, read_xmp(&xmp.unwrap())), (None, expected));
            assert_eq!(count_markers(&variant.bytes), 0);
        }
    }
}

#[test]
fn source_without_the_fields_becomes_the_same_bytes_as_with_strip() {
    let jpeg = encode_image(&image(), ImageFormat::Jpeg);
    let packet = xmp().replace("dc:", "s:").replace("photoshop:", "s:").replace("xmpRights:", "s:");
    let with_others = with_xmp_segment(&jpeg, packet.replace("xmlns:s:", "xmlns:").as_bytes());
    for file in [jpeg, with_others] {
        let bytes = |metadata| {
            let conversion = convert_file(&file, &recipe(metadata)).unwrap();
            conversion.variants.into_iter().map(|variant| variant.bytes).collect::<Vec<_>>()
        };
        assert_eq!(bytes(Metadata::Copyright), bytes(Metadata::Strip));
    }
}

#[test]
fn unusable_metadata_is_omitted_with_a_note() {
    let jpeg = encode_image(&image(), ImageFormat::Jpeg);
    let long = xmp().replace("Ask first", &"a".repeat(61_000));
    let itxt = |packet: &[u8]| {
        let chunk = [b"XML:com.adobe.xmp\0\0\0\0\0", packet].concat();
        with_png_chunks(&encode_image(&image(), ImageFormat::Png), &[(b"iTXt", &chunk)])
    };
    let entity = xmp().replace("<x:xmpmeta", "<!DOCTYPE a [<!ENTITY b 'c'>]><x:xmpmeta");
    for (file, note) in [
        (with_xmp_segment(&jpeg, b"<rdf:RDF>"), "its XMP was omitted: it is not valid XML"),
        (with_xmp_segment(&jpeg, b"\xff"), "its XMP was omitted: it is not UTF-8"),
        (with_xmp_segment(&jpeg, entity.as_bytes()), "its XMP was omitted: it is not valid XML"),
        (itxt("<a>".repeat(100_000).as_bytes()), "its XMP was omitted: it has too many XML elements or attributes"),
        (itxt(long.as_bytes()), "its XMP was omitted: creator, copyright, credit and usage terms are over 60 KB"),
        (with_jpeg_segment(&jpeg, 0xe1, b"Exif\0\0damaged"), "its Exif was omitted: it is damaged"),
    ] {
        let conversion = convert_file(&file, &recipe(Metadata::Copyright)).unwrap();
        assert_eq!(conversion.notes, [note]);
        for variant in &conversion.variants {
            assert_eq!(read_metadata(variant), (None, None), "{note}");
        }
    }
}
