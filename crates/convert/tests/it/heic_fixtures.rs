//! Builds HEIC files from pictures that libheif and x265 encoded (`heic/make.py`).

use avif::boxes::{FileSlice, build_box};
use heifer_isobmff::HeifFile;

pub(crate) const COLOR: &[u8] = include_bytes!("heic/color.heic");
pub(crate) const TEN_BITS: &[u8] = include_bytes!("heic/ten-bits.heic");
pub(crate) const GRAY: &[u8] = include_bytes!("heic/gray.heic");
/// An image of 120x100 pixels, divided into tiles of 64x64.
pub(crate) const TILES: [&[u8]; 4] = [
    include_bytes!("heic/tile-00.heic"),
    include_bytes!("heic/tile-01.heic"),
    include_bytes!("heic/tile-10.heic"),
    include_bytes!("heic/tile-11.heic"),
];

/// The auxiliary type of an alpha image.
pub(crate) const ALPHA: &str = "urn:mpeg:hevc:2015:auxid:1";
/// The auxiliary type of Apple's gain maps.
const APPLE: &str = "urn:com:apple:photo:2020:aux:hdrgainmap";
const XMP: &str = "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF \
    xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description \
    xmlns:HDRGainMap=\"http://ns.apple.com/HDRGainMap/1.0/\" HDRGainMap:HDRGainMapVersion=\"131072\" \
    HDRGainMap:HDRGainMapHeadroom=\"5.6\"/></rdf:RDF></x:xmpmeta>";

/// An item of a file. Its identifier is its position in the list of items, starting at 1.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) kind: [u8; 4],
    /// The properties, as complete boxes.
    pub(crate) properties: Vec<Vec<u8>>,
    pub(crate) data: Vec<u8>,
}

impl Item {
    /// Returns the picture in a file that has only one.
    pub(crate) fn picture(file: &[u8]) -> Self {
        let parsed = HeifFile::parse(file).unwrap();
        let (width, height) = parsed.image_size(parsed.primary_id).unwrap().unwrap();
        let data = parsed.item_data(parsed.primary_id).unwrap().into_owned();
        let meta = child(&FileSlice::whole(file), *b"meta").skip(4, *b"meta").unwrap();
        let properties = child(&child(&meta, *b"iprp"), *b"ipco");
        let configuration = build_box(*b"hvcC", &[child(&properties, *b"hvcC").bytes()]);
        let color = build_box(*b"colr", &[child(&properties, *b"colr").bytes()]);
        Self { kind: *b"hvc1", properties: vec![configuration, ispe(width, height), color], data }
    }

    /// Returns the same item with another property after its own.
    pub(crate) fn with(mut self, name: [u8; 4], content: &[u8]) -> Self {
        self.properties.push(build_box(name, &[content]));
        self
    }

    /// Returns an item without properties.
    pub(crate) fn new(kind: [u8; 4], data: &[u8]) -> Self {
        Self { kind, properties: vec![], data: data.to_vec() }
    }

    /// Returns the same item as an auxiliary image of this type.
    pub(crate) fn auxiliary(self, kind: &str) -> Self {
        self.with(*b"auxC", &[b"\0\0\0\0", kind.as_bytes(), b"\0"].concat())
    }

    /// Returns a grid.
    pub(crate) fn grid(rows: u8, columns: u8, (width, height): (u16, u16)) -> Self {
        let data = [&[0, 0, rows - 1, columns - 1], &width.to_be_bytes()[..], &height.to_be_bytes()].concat();
        let mut item = Self::new(*b"grid", &data);
        item.properties.push(ispe(width.into(), height.into()));
        item
    }
}

fn child<'a>(parent: &FileSlice<'a>, name: [u8; 4]) -> FileSlice<'a> {
    parent.child_boxes().map(Result::unwrap).find(|(found, _)| *found == name).unwrap().1
}

fn ispe(width: u32, height: u32) -> Vec<u8> {
    build_box(*b"ispe", &[&[0; 4], &width.to_be_bytes(), &height.to_be_bytes()])
}

/// Builds a file. The first item is the primary image. A reference has a type, the identifier of an item, and the
/// identifiers of the items that it refers to.
pub(crate) fn heic(items: &[Item], references: &[([u8; 4], u16, &[u16])]) -> Vec<u8> {
    let brands = build_box(*b"ftyp", &[b"heic\0\0\0\0mif1heic"]);
    // The positions in the file depend on the length of `meta`, which does not depend on the positions.
    let length = build_meta(items, references, 0).len();
    let start = u32::try_from(brands.len() + length + 8).unwrap();
    let data: Vec<u8> = items.iter().flat_map(|item| item.data.clone()).collect();
    [brands, build_meta(items, references, start), build_box(*b"mdat", &[&data])].concat()
}

fn build_meta(items: &[Item], references: &[([u8; 4], u16, &[u16])], start: u32) -> Vec<u8> {
    let number = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
    let entries: Vec<Vec<u8>> = items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let kind = if item.kind == *b"mime" { &b"mime\0application/rdf+xml\0"[..] } else { &item.kind };
            let end: &[u8] = if item.kind == *b"mime" { &[] } else { &[0] };
            build_box(*b"infe", &[&[2, 0, 0, 0], &number(index + 1), &[0, 0], kind, end])
        })
        .collect();
    let infos = build_box(*b"iinf", &[&[0; 4], &number(items.len()), &entries.concat()]);
    let references: Vec<Vec<u8>> = references
        .iter()
        .map(|(kind, from, to)| {
            let to_bytes: Vec<u8> = to.iter().flat_map(|to| to.to_be_bytes()).collect();
            build_box(*kind, &[&from.to_be_bytes(), &number(to.len()), &to_bytes])
        })
        .collect();
    let references = build_box(*b"iref", &[&[0; 4], &references.concat()]);
    let properties: Vec<u8> = items.iter().flat_map(|item| item.properties.concat()).collect();
    let (mut first, mut associations) = (1_u8, vec![]);
    for (index, item) in items.iter().enumerate() {
        let count = u8::try_from(item.properties.len()).unwrap();
        associations.extend(number(index + 1));
        associations.push(count);
        associations.extend(first..first + count);
        first += count;
    }
    let count = u32::try_from(items.len()).unwrap().to_be_bytes();
    let properties = build_box(
        *b"iprp",
        &[&build_box(*b"ipco", &[&properties]), &build_box(*b"ipma", &[&[0; 4], &count, &associations])],
    );
    let mut places = vec![];
    let mut position = start;
    for (index, item) in items.iter().enumerate() {
        let length = u32::try_from(item.data.len()).unwrap();
        places.extend([&number(index + 1)[..], &[0, 0, 0, 1], &position.to_be_bytes(), &length.to_be_bytes()].concat());
        position += length;
    }
    let places = build_box(*b"iloc", &[&[0, 0, 0, 0, 0x44, 0], &number(items.len()), &places]);
    let handler = build_box(*b"hdlr", &[&[0; 8], b"pict", &[0; 13]]);
    let primary = build_box(*b"pitm", &[&[0; 4], &number(1)]);
    build_box(*b"meta", &[&[0; 4], &handler, &primary, &infos, &references, &properties, &places])
}

/// Returns a grid of 120x100 pixels and its tiles.
pub(crate) fn tiled() -> Vec<Item> {
    [Item::grid(2, 2, (120, 100))].into_iter().chain(TILES.map(Item::picture)).collect()
}

/// Returns an overlay: a canvas of 140x110 pixels, gray, with a picture at (10, 12).
pub(crate) fn overlay() -> Vec<u8> {
    let data = [&[0, 0][..], &[0x80, 0, 0x80, 0, 0x80, 0, 0xff, 0xff, 0, 140, 0, 110, 0, 10, 0, 12]].concat();
    let mut canvas = Item::new(*b"iovl", &data);
    canvas.properties.push(ispe(140, 110));
    heic(&[canvas, Item::picture(COLOR)], &[(*b"dimg", 1, &[2])])
}

/// Returns a picture that is rotated, with a gain map in Apple's format.
pub(crate) fn apple_gain_map() -> Vec<u8> {
    let turned = |picture: Item| picture.with(*b"irot", &[1]);
    let map = turned(Item::picture(GRAY)).auxiliary(APPLE);
    heic(
        &[turned(Item::picture(COLOR)), map, Item::new(*b"mime", XMP.as_bytes())],
        &[(*b"auxl", 2, &[1]), (*b"cdsc", 3, &[2])],
    )
}

/// Returns a picture with a gain map of ISO 21496-1.
pub(crate) fn iso_gain_map() -> Vec<u8> {
    let numbers = [0, 1, 5, 2, 0, 1, 5, 2, 1, 1, 1, 64, 1, 64].map(u32::to_be_bytes).concat();
    let mut derived = Item::new(*b"tmap", &[&b"\0\0\0\0\0\x40"[..], &numbers].concat());
    derived.properties.push(ispe(128, 96));
    heic(&[Item::picture(COLOR), Item::picture(GRAY), derived], &[(*b"dimg", 3, &[1, 2])])
}

/// Returns files of all kinds.
pub(crate) fn examples() -> Vec<Vec<u8>> {
    let color = || Item::picture(COLOR);
    let alpha = Item::picture(GRAY).auxiliary(ALPHA);
    let turned = Item::new(*b"iden", &[]).with(*b"irot", &[1]).with(*b"ispe", &[0; 12]);
    vec![
        COLOR.to_vec(),
        TEN_BITS.to_vec(),
        GRAY.to_vec(),
        heic(&tiled(), &[(*b"dimg", 1, &[2, 3, 4, 5])]),
        overlay(),
        apple_gain_map(),
        iso_gain_map(),
        heic(&[color(), alpha.clone()], &[(*b"auxl", 2, &[1])]),
        heic(&[color(), alpha], &[(*b"auxl", 2, &[1]), (*b"prem", 1, &[2])]),
        heic(&[turned, color().with(*b"irot", &[1])], &[(*b"dimg", 1, &[2])]),
        heic(&[color().with(*b"imir", &[0]).with(*b"irot", &[3])], &[]),
        heic_sequence(&color(), 2),
    ]
}

/// Builds a sequence without a primary image. Each frame is this picture.
pub(crate) fn heic_sequence(picture: &Item, frames: u32) -> Vec<u8> {
    let brands = build_box(*b"ftyp", &[b"hevc\0\0\0\0msf1hevc"]);
    let movie = |start: u32| {
        let entry = [&[0; 24][..], &[0, 128, 0, 96], &[0; 50], &picture.properties[0]].concat();
        let length = u32::try_from(picture.data.len()).unwrap().to_be_bytes();
        let table = build_box(
            *b"stbl",
            &[
                &build_box(*b"stsd", &[&[0; 4], &1_u32.to_be_bytes(), &build_box(*b"hvc1", &[&entry])]),
                &build_box(*b"stsz", &[&[0; 4], &length, &frames.to_be_bytes()]),
                &build_box(*b"stco", &[&[0; 4], &1_u32.to_be_bytes(), &start.to_be_bytes()]),
            ],
        );
        let media = build_box(*b"mdia", &[&build_box(*b"minf", &[&table])]);
        build_box(*b"moov", &[&build_box(*b"trak", &[&media])])
    };
    let start = u32::try_from(brands.len() + movie(0).len() + 8).unwrap();
    let data = picture.data.repeat(usize::try_from(frames).unwrap());
    [brands, movie(start), build_box(*b"mdat", &[&data])].concat()
}
