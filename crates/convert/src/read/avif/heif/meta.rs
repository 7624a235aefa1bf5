//! The `meta` box (ISO/IEC 14496-12, 8.11): items, the locations of their data, their properties and the references
//! between them.

use std::collections::HashMap;
use std::ops::Range;

use super::{damaged, set_once, unsupported};
use crate::Error;
use avif::boxes::{FieldReader, FileSlice, FourCc};

/// The maximum number of items in a file. A grid of 200 million pixels with cells of 512x512 has about 760 items, and
/// twice as many if each cell has alpha.
const MAX_ITEMS: usize = 8192;
/// The maximum number of extents of all items, and of references between items.
const MAX_ENTRIES: usize = 1 << 16;
/// The maximum number of properties that an index of 15 bits can address.
const MAX_PROPERTIES: usize = (1 << 15) - 1;

/// The content of a `meta` box.
pub(super) struct MetaBox<'a> {
    pub(super) primary: Option<u32>,
    /// The items, in the order of their entries in `iinf`.
    pub(super) items: Vec<Item<'a>>,
    /// The properties. A property association refers to them by an index that starts at 1.
    pub(super) properties: Vec<(FourCc, FileSlice<'a>)>,
    pub(super) references: Vec<ItemReference>,
    /// The index of the first reference of each kind from each item.
    reference_index: HashMap<(u32, FourCc), usize>,
    /// The entities of each `altr` group. They are alternatives, and the first one is preferred.
    pub(super) alternatives: Vec<Vec<u32>>,
    item_index: HashMap<u32, usize>,
    idat: Option<FileSlice<'a>>,
    file: FileSlice<'a>,
}

pub(super) struct Item<'a> {
    pub(super) id: u32,
    pub(super) kind: FourCc,
    pub(super) is_hidden: bool,
    /// The media type of a `mime` item.
    pub(super) content_type: &'a [u8],
    pub(super) associations: Vec<PropertyAssociation>,
    location: Option<ItemLocation>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct PropertyAssociation {
    /// The index of the property. It starts at 1; 0 means no property.
    pub(super) index: usize,
    pub(super) is_essential: bool,
}

pub(super) struct ItemReference {
    pub(super) kind: FourCc,
    pub(super) from: u32,
    pub(super) to: Vec<u32>,
}

/// The location of an item's data (8.11.3), not yet checked against the file size.
struct ItemLocation {
    construction: u64,
    data_reference: u64,
    base: u64,
    /// The offset and the length of each extent.
    extents: Vec<(u64, u64)>,
}

impl<'a> MetaBox<'a> {
    /// Reads the content of a `meta` box.
    pub(super) fn read(content: &FileSlice<'a>) -> Result<Self, Error> {
        let mut meta = Self {
            primary: None,
            items: vec![],
            properties: vec![],
            references: vec![],
            reference_index: HashMap::new(),
            alternatives: vec![],
            item_index: HashMap::new(),
            idat: None,
            file: FileSlice::whole(content.file),
        };
        let (mut iinf, mut iloc, mut iprp, mut iref, mut grpl) = (None, None, None, None, None);
        for child in content.skip(4, *b"meta")?.child_boxes() {
            let (name, part) = child?;
            match &name {
                b"pitm" => set_once(&mut meta.primary, name, read_primary_item(&part)?)?,
                b"idat" => set_once(&mut meta.idat, name, part)?,
                b"iinf" => set_once(&mut iinf, name, part)?,
                b"iloc" => set_once(&mut iloc, name, part)?,
                b"iprp" => set_once(&mut iprp, name, part)?,
                b"iref" => set_once(&mut iref, name, part)?,
                b"grpl" => set_once(&mut grpl, name, part)?,
                _ => {}
            }
        }
        if let Some(iinf) = iinf {
            meta.read_items(&iinf)?;
        }
        if let Some(iloc) = iloc {
            meta.read_locations(iloc.fields(*b"iloc"))?;
        }
        if let Some(iprp) = iprp {
            meta.read_properties(&iprp)?;
        }
        if let Some(iref) = iref {
            meta.references = read_references(&iref)?;
            for (index, reference) in meta.references.iter().enumerate() {
                meta.reference_index.entry((reference.from, reference.kind)).or_insert(index);
            }
        }
        if let Some(grpl) = grpl {
            meta.alternatives = read_alternatives(&grpl)?;
        }
        Ok(meta)
    }

    pub(super) fn item(&self, id: u32) -> Option<&Item<'a>> {
        self.item_index.get(&id).map(|&index| &self.items[index])
    }

    /// Returns a property by its index, which starts at 1. Returns `None` for 0, which means no property.
    pub(super) fn property(&self, index: usize) -> Result<Option<&(FourCc, FileSlice<'a>)>, Error> {
        let Some(index) = index.checked_sub(1) else { return Ok(None) };
        let property = self.properties.get(index);
        property.map(Some).ok_or_else(|| damaged("the box `ipma` has an index without a property in the box `ipco`"))
    }

    /// Returns the targets of the first reference of this kind from an item.
    pub(super) fn referenced_items(&self, id: u32, kind: FourCc) -> Option<&[u32]> {
        self.reference_index.get(&(id, kind)).map(|&index| &self.references[index].to[..])
    }

    /// Returns the ranges of an item's data in the file.
    pub(super) fn data_ranges(&self, item: &Item<'a>) -> Result<Vec<Range<usize>>, Error> {
        let id = item.id;
        let location = item.location.as_ref().filter(|location| !location.extents.is_empty());
        let location = location.ok_or_else(|| damaged(&format!("item {id} has no data in the box `iloc`")))?;
        if location.data_reference != 0 {
            return Err(unsupported(&format!("the data of item {id} is in another file")));
        }
        let within = match location.construction {
            0 => &self.file,
            1 => self.idat.as_ref().ok_or_else(|| damaged(&format!("item {id} needs a box `idat`")))?,
            method => {
                return Err(unsupported(&format!("item {id} has construction method {method} in the box `iloc`")));
            }
        };
        let range = |&(offset, length): &(u64, u64)| {
            let start = usize::try_from(location.base.checked_add(offset)?).ok()?.checked_add(within.range.start)?;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            (length > 0 && end <= within.range.end).then_some(start..end)
        };
        let ranges = location.extents.iter().map(range).collect::<Option<Vec<_>>>();
        ranges.ok_or_else(|| damaged(&format!("an extent of item {id} in the box `iloc` is empty or outside the file")))
    }

    /// Reads the item entries (8.11.6).
    fn read_items(&mut self, iinf: &FileSlice<'a>) -> Result<(), Error> {
        let mut fields = iinf.fields(*b"iinf");
        let is_wide = fields.version_and_flags()?.0 != 0;
        let count = fields.id(is_wide)?;
        let entries = iinf.skip(if is_wide { 8 } else { 6 }, *b"iinf")?;
        // Bytes after the last entry are ignored.
        for child in entries.child_boxes().take(usize::try_from(count).unwrap_or(usize::MAX)) {
            let (name, entry) = child?;
            if name != *b"infe" {
                return Err(damaged("the box `iinf` contains other boxes than `infe`"));
            }
            let Some(item) = read_item_entry(entry.fields(name))? else { continue };
            if self.items.len() >= MAX_ITEMS {
                return Err(unsupported(&format!("more than {MAX_ITEMS} items")));
            }
            if self.item_index.insert(item.id, self.items.len()).is_some() {
                return Err(damaged(&format!("item {} is described twice in the box `iinf`", item.id)));
            }
            self.items.push(item);
        }
        Ok(())
    }

    /// Reads the item locations (8.11.3).
    fn read_locations(&mut self, mut fields: FieldReader<'_>) -> Result<(), Error> {
        let (version, _) = fields.version_and_flags()?;
        if version > 2 {
            return Err(unsupported(&format!("version {version} of the box `iloc`")));
        }
        let (sizes, more_sizes) = (fields.u8()?, fields.u8()?);
        let index = if version == 0 { 0 } else { more_sizes & 15 };
        let [offset, length, base, index] = [sizes >> 4, sizes & 15, more_sizes >> 4, index].map(|size| match size {
            0 | 4 | 8 => Ok(usize::from(size)),
            _ => Err(damaged("the box `iloc` has fields that are not 0, 4 or 8 bytes long")),
        });
        let (offset, length, base, index) = (offset?, length?, base?, index?);
        // An extent without a length covers the whole file. Such extents may take no bytes in the table, so a small
        // table could contain any number of them.
        if length == 0 {
            return Err(unsupported("the box `iloc` has extents without a length"));
        }
        let is_wide = version == 2;
        let mut remaining = MAX_ENTRIES;
        for _ in 0..fields.id(is_wide)? {
            let id = fields.id(is_wide)?;
            let construction = if version == 0 { 0 } else { fields.number(2)? & 15 };
            let (data_reference, base) = (fields.number(2)?, fields.number(base)?);
            let count = usize::from(fields.u16()?);
            remaining =
                remaining.checked_sub(count).ok_or_else(|| unsupported(&format!("more than {MAX_ENTRIES} extents")))?;
            let mut extents = vec![];
            for _ in 0..count {
                fields.take(index)?;
                extents.push((fields.number(offset)?, fields.number(length)?));
            }
            // A location is ignored if its item has no entry in `iinf`, because such an item is never used.
            let Some(item) = self.item_index.get(&id).map(|&index| &mut self.items[index]) else { continue };
            let location = ItemLocation { construction, data_reference, base, extents };
            if item.location.replace(location).is_some() {
                return Err(damaged(&format!("item {id} is located twice in the box `iloc`")));
            }
        }
        Ok(())
    }

    /// Reads the item properties (ISO/IEC 23008-12, 9.3).
    fn read_properties(&mut self, iprp: &FileSlice<'a>) -> Result<(), Error> {
        let mut has_properties = false;
        for child in iprp.child_boxes() {
            let (name, part) = child?;
            match &name {
                b"ipco" if has_properties => return Err(damaged("there are two boxes `ipco`")),
                b"ipco" => {
                    has_properties = true;
                    for property in part.child_boxes() {
                        if self.properties.len() == MAX_PROPERTIES {
                            return Err(unsupported(&format!("more than {MAX_PROPERTIES} properties")));
                        }
                        self.properties.push(property?);
                    }
                }
                b"ipma" => self.read_associations(part.fields(name))?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_associations(&mut self, mut fields: FieldReader<'_>) -> Result<(), Error> {
        let (version, flags) = fields.version_and_flags()?;
        for _ in 0..fields.u32()? {
            let id = fields.id(version != 0)?;
            let mut associations = vec![];
            for _ in 0..fields.u8()? {
                let (association, top) = if flags & 1 == 1 { (fields.u16()?, 15) } else { (fields.u8()?.into(), 7) };
                let index = usize::from(association & ((1 << top) - 1));
                associations.push(PropertyAssociation { index, is_essential: association >> top == 1 });
            }
            let Some(item) = self.item_index.get(&id).map(|&index| &mut self.items[index]) else { continue };
            if !item.associations.is_empty() {
                return Err(damaged(&format!("item {id} is in the box `ipma` twice")));
            }
            item.associations = associations;
        }
        Ok(())
    }
}

fn read_primary_item(pitm: &FileSlice<'_>) -> Result<u32, Error> {
    let mut fields = pitm.fields(*b"pitm");
    let (version, _) = fields.version_and_flags()?;
    Ok(fields.id(version != 0)?)
}

/// Reads an item entry. Returns `None` for versions 0 and 1. Entries of these versions have no item type, so their
/// items are not images.
fn read_item_entry(mut fields: FieldReader<'_>) -> Result<Option<Item<'_>>, Error> {
    let (version, flags) = fields.version_and_flags()?;
    if version < 2 {
        return Ok(None);
    }
    let id = fields.id(version > 2)?;
    fields.take(2)?;
    let kind = fields.four_cc()?;
    let content_type = if kind == *b"mime" {
        // The item's name precedes the content type.
        fields.null_terminated()?;
        fields.null_terminated()?
    } else {
        b""
    };
    Ok(Some(Item { id, kind, is_hidden: flags & 1 == 1, content_type, associations: vec![], location: None }))
}

/// Reads the references between items (ISO/IEC 14496-12, 8.11.12).
fn read_references(iref: &FileSlice<'_>) -> Result<Vec<ItemReference>, Error> {
    let is_wide = iref.fields(*b"iref").version_and_flags()?.0 != 0;
    let mut references = vec![];
    let mut remaining = MAX_ENTRIES;
    for child in iref.skip(4, *b"iref")?.child_boxes() {
        let (kind, part) = child?;
        let mut fields = part.fields(kind);
        let (from, count) = (fields.id(is_wide)?, usize::from(fields.u16()?));
        // The limit counts each reference and each of its targets.
        remaining = remaining
            .checked_sub(count + 1)
            .ok_or_else(|| unsupported(&format!("more than {MAX_ENTRIES} references")))?;
        let to = (0..count).map(|_| fields.id(is_wide)).collect::<Result<_, _>>()?;
        references.push(ItemReference { kind, from, to });
    }
    Ok(references)
}

/// Reads the groups of alternative entities, of which a viewer shows one (ISO/IEC 14496-12, 8.18).
fn read_alternatives(grpl: &FileSlice<'_>) -> Result<Vec<Vec<u32>>, Error> {
    let mut groups = vec![];
    let mut remaining = MAX_ENTRIES;
    for child in grpl.child_boxes() {
        let (name, part) = child?;
        if name != *b"altr" {
            continue;
        }
        let mut fields = part.fields(name);
        fields.version_and_flags()?;
        fields.u32()?;
        let count = fields.u32()?;
        let entries = usize::try_from(count).unwrap_or(usize::MAX).saturating_add(1);
        remaining = remaining
            .checked_sub(entries)
            .ok_or_else(|| unsupported(&format!("more than {MAX_ENTRIES} alternatives")))?;
        groups.push((0..count).map(|_| fields.u32()).collect::<Result<_, _>>()?);
    }
    Ok(groups)
}
