//! Builds HEIC files from pictures that libheif and x265 encoded (`heic/make.py`).

use avif::boxes::{FileSlice, build_box};
use heifer::heifer_isobmff::HeifFile;

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
