//! The `meta` box (ISO/IEC 14496-12, 8.11): items, where their data lies, their properties and how they refer to each other.

use std::collections::HashMap;
use std::ops::Range;

use super::boxes::{Fields, Name, Part};
use super::{damaged, once, unsupported};
use crate::Error;

/// The most items in a file. A grid of 200 million pixels with cells of 512 has about 760, each perhaps with alpha.
const MOST_ITEMS: usize = 8192;
/// The most extents of all items, and the most references between items.
const MOST_ENTRIES: usize = 1 << 16;
/// The most properties: what an index of 15 bits reaches.
const MOST_PROPERTIES: usize = (1 << 15) - 1;

/// What a `meta` box holds.
pub(super) struct Meta<'a> {
    pub(super) primary: Option<u32>,
    /// In the order of their descriptions.
    pub(super) items: Vec<Item<'a>>,
    /// An association's index counts from 1.
    pub(super) properties: Vec<(Name, Part<'a>)>,
    pub(super) references: Vec<Reference>,
    /// The first reference of each kind from each item.
    by_origin: HashMap<(u32, Name), usize>,
    /// Entities of each `altr` group: alternatives, the preferred one first.
    pub(super) alternatives: Vec<Vec<u32>>,
    by_id: HashMap<u32, usize>,
    idat: Option<Part<'a>>,
    whole: Part<'a>,
}

pub(super) struct Item<'a> {
    pub(super) id: u32,
    pub(super) kind: Name,
    pub(super) is_hidden: bool,
    /// The media type of a `mime` item.
    pub(super) content_type: &'a [u8],
    pub(super) associations: Vec<Association>,
    location: Option<Location>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Association {
    /// 0 means none.
    pub(super) index: usize,
    pub(super) is_essential: bool,
}

pub(super) struct Reference {
    pub(super) kind: Name,
    pub(super) from: u32,
    pub(super) to: Vec<u32>,
}

/// Where an item's data lies, not yet held against the file (8.11.3).
struct Location {
    construction: u64,
    data_reference: u64,
    base: u64,
    /// Offsets and lengths.
    extents: Vec<(u64, u64)>,
}

impl<'a> Meta<'a> {
    /// Reads the content of a `meta` box.
    pub(super) fn read(content: &Part<'a>) -> Result<Self, Error> {
        let mut meta = Self {
            primary: None,
            items: vec![],
            properties: vec![],
            references: vec![],
            by_origin: HashMap::new(),
            alternatives: vec![],
            by_id: HashMap::new(),
            idat: None,
            whole: Part::whole(content.file),
        };
        let (mut iinf, mut iloc, mut iprp, mut iref, mut grpl) = (None, None, None, None, None);
        for child in content.after(4, *b"meta")?.children() {
            let (name, part) = child?;
            match &name {
                b"pitm" => once(&mut meta.primary, name, primary(&part)?)?,
                b"idat" => once(&mut meta.idat, name, part)?,
                b"iinf" => once(&mut iinf, name, part)?,
                b"iloc" => once(&mut iloc, name, part)?,
                b"iprp" => once(&mut iprp, name, part)?,
                b"iref" => once(&mut iref, name, part)?,
                b"grpl" => once(&mut grpl, name, part)?,
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
            meta.references = references(&iref)?;
            for (index, reference) in meta.references.iter().enumerate() {
                meta.by_origin.entry((reference.from, reference.kind)).or_insert(index);
            }
        }
        if let Some(grpl) = grpl {
            meta.alternatives = alternatives(&grpl)?;
        }
        Ok(meta)
    }

    pub(super) fn item(&self, id: u32) -> Option<&Item<'a>> {
        self.by_id.get(&id).map(|&index| &self.items[index])
    }

    /// A property by its index, which counts from 1; nothing for 0, which stands for none.
    pub(super) fn property(&self, index: usize) -> Result<Option<&(Name, Part<'a>)>, Error> {
        let Some(index) = index.checked_sub(1) else { return Ok(None) };
        let property = self.properties.get(index);
        property.map(Some).ok_or_else(|| damaged("the box `ipma` has an index that no property in the box `ipco` has"))
    }

    /// What the first reference of that kind from an item leads to.
    pub(super) fn references_from(&self, id: u32, kind: Name) -> Option<&[u32]> {
        self.by_origin.get(&(id, kind)).map(|&index| &self.references[index].to[..])
    }

    /// Where an item's data lies in the file.
    pub(super) fn data(&self, item: &Item<'a>) -> Result<Vec<Range<usize>>, Error> {
        let id = item.id;
        let location = item.location.as_ref().filter(|location| !location.extents.is_empty());
        let location = location.ok_or_else(|| damaged(&format!("item {id} has no data in the box `iloc`")))?;
        if location.data_reference != 0 {
            return Err(unsupported(&format!("the data of item {id} lies in another file")));
        }
        let within = match location.construction {
            0 => &self.whole,
            1 => self.idat.as_ref().ok_or_else(|| damaged(&format!("item {id} needs a box `idat`")))?,
            method => {
                return Err(unsupported(&format!("item {id} has construction method {method} in the box `iloc`")));
            }
        };
        let place = |&(offset, length): &(u64, u64)| {
            let start = usize::try_from(location.base.checked_add(offset)?).ok()?.checked_add(within.range.start)?;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            (length > 0 && end <= within.range.end).then_some(start..end)
        };
        let places = location.extents.iter().map(place).collect::<Option<Vec<_>>>();
        places.ok_or_else(|| damaged(&format!("an extent of item {id} in the box `iloc` is empty or outside the file")))
    }

    /// Item descriptions (8.11.6).
    fn read_items(&mut self, iinf: &Part<'a>) -> Result<(), Error> {
        let mut fields = iinf.fields(*b"iinf");
        let is_wide = fields.version()?.0 != 0;
        let count = fields.id(is_wide)?;
        let entries = iinf.after(if is_wide { 8 } else { 6 }, *b"iinf")?;
        // Bytes behind the last entry are nothing.
        for child in entries.children().take(usize::try_from(count).unwrap_or(usize::MAX)) {
            let (name, entry) = child?;
            if name != *b"infe" {
                return Err(damaged("the box `iinf` holds other boxes than `infe`"));
            }
            let Some(item) = item(entry.fields(name))? else { continue };
            if self.items.len() >= MOST_ITEMS {
                return Err(unsupported(&format!("more than {MOST_ITEMS} items")));
            }
            if self.by_id.insert(item.id, self.items.len()).is_some() {
                return Err(damaged(&format!("item {} is described twice in the box `iinf`", item.id)));
            }
            self.items.push(item);
        }
        Ok(())
    }

    /// Item locations (8.11.3).
    fn read_locations(&mut self, mut fields: Fields<'_>) -> Result<(), Error> {
        let (version, _) = fields.version()?;
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
        // Such an extent is the whole file, and would take no room in the table, however many there are.
        if length == 0 {
            return Err(unsupported("the box `iloc` has extents without a length"));
        }
        let is_wide = version == 2;
        let mut left = MOST_ENTRIES;
        for _ in 0..fields.id(is_wide)? {
            let id = fields.id(is_wide)?;
            let construction = if version == 0 { 0 } else { fields.number(2)? & 15 };
            let (data_reference, base) = (fields.number(2)?, fields.number(base)?);
            let count = usize::from(fields.u16()?);
            left = left.checked_sub(count).ok_or_else(|| unsupported(&format!("more than {MOST_ENTRIES} extents")))?;
            let mut extents = vec![];
            for _ in 0..count {
                fields.take(index)?;
                extents.push((fields.number(offset)?, fields.number(length)?));
            }
            // Nothing refers to the data of an item without a description.
            let Some(item) = self.by_id.get(&id).map(|&index| &mut self.items[index]) else { continue };
            let location = Location { construction, data_reference, base, extents };
            if item.location.replace(location).is_some() {
                return Err(damaged(&format!("item {id} is located twice in the box `iloc`")));
            }
        }
        Ok(())
    }

    /// Item properties (ISO/IEC 23008-12, 9.3).
    fn read_properties(&mut self, iprp: &Part<'a>) -> Result<(), Error> {
        let mut has_properties = false;
        for child in iprp.children() {
            let (name, part) = child?;
            match &name {
                b"ipco" if has_properties => return Err(damaged("two boxes `ipco` where one belongs")),
                b"ipco" => {
                    has_properties = true;
                    for property in part.children() {
                        if self.properties.len() == MOST_PROPERTIES {
                            return Err(unsupported(&format!("more than {MOST_PROPERTIES} properties")));
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

    fn read_associations(&mut self, mut fields: Fields<'_>) -> Result<(), Error> {
        let (version, flags) = fields.version()?;
        for _ in 0..fields.u32()? {
            let id = fields.id(version != 0)?;
            let mut associations = vec![];
            for _ in 0..fields.u8()? {
                let (association, top) = if flags & 1 == 1 { (fields.u16()?, 15) } else { (fields.u8()?.into(), 7) };
                let index = usize::from(association & ((1 << top) - 1));
                associations.push(Association { index, is_essential: association >> top == 1 });
            }
            let Some(item) = self.by_id.get(&id).map(|&index| &mut self.items[index]) else { continue };
            if !item.associations.is_empty() {
                return Err(damaged(&format!("item {id} is in the box `ipma` twice")));
            }
            item.associations = associations;
        }
        Ok(())
    }
}

fn primary(pitm: &Part<'_>) -> Result<u32, Error> {
    let mut fields = pitm.fields(*b"pitm");
    let (version, _) = fields.version()?;
    fields.id(version != 0)
}

/// An item's description; nothing for those of versions 0 and 1, which have no type and are no images.
fn item(mut fields: Fields<'_>) -> Result<Option<Item<'_>>, Error> {
    let (version, flags) = fields.version()?;
    if version < 2 {
        return Ok(None);
    }
    let id = fields.id(version > 2)?;
    fields.take(2)?;
    let kind = fields.name()?;
    let content_type = if kind == *b"mime" {
        // The item's name comes first.
        fields.text()?;
        fields.text()?
    } else {
        b""
    };
    Ok(Some(Item { id, kind, is_hidden: flags & 1 == 1, content_type, associations: vec![], location: None }))
}

/// References between items (ISO/IEC 14496-12, 8.11.12).
fn references(iref: &Part<'_>) -> Result<Vec<Reference>, Error> {
    let is_wide = iref.fields(*b"iref").version()?.0 != 0;
    let mut references = vec![];
    let mut left = MOST_ENTRIES;
    for child in iref.after(4, *b"iref")?.children() {
        let (kind, part) = child?;
        let mut fields = part.fields(kind);
        let (from, count) = (fields.id(is_wide)?, usize::from(fields.u16()?));
        // The reference itself counts as well.
        left =
            left.checked_sub(count + 1).ok_or_else(|| unsupported(&format!("more than {MOST_ENTRIES} references")))?;
        let to = (0..count).map(|_| fields.id(is_wide)).collect::<Result<_, _>>()?;
        references.push(Reference { kind, from, to });
    }
    Ok(references)
}

/// Groups of entities (ISO/IEC 14496-12, 8.18) of which one is to be shown.
fn alternatives(grpl: &Part<'_>) -> Result<Vec<Vec<u32>>, Error> {
    let mut groups = vec![];
    let mut left = MOST_ENTRIES;
    for child in grpl.children() {
        let (name, part) = child?;
        if name != *b"altr" {
            continue;
        }
        let mut fields = part.fields(name);
        fields.version()?;
        fields.u32()?;
        let count = fields.u32()?;
        let wanted = usize::try_from(count).unwrap_or(usize::MAX).saturating_add(1);
        left =
            left.checked_sub(wanted).ok_or_else(|| unsupported(&format!("more than {MOST_ENTRIES} alternatives")))?;
        groups.push((0..count).map(|_| fields.u32()).collect::<Result<_, _>>()?);
    }
    Ok(groups)
}
