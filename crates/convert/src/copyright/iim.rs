//! Reads IPTC-IIM, the predecessor of XMP. Some agencies write only IIM. A new file contains the values in XMP, as the IPTC
//! Photo Metadata Standard maps them.

use super::XmpFields;

/// The numbers of the datasets in record 2 (IPTC-NAA Information Interchange Model 4.2, chapter 6).
const BY_LINE: u8 = 80;
const CREDIT: u8 = 110;
const COPYRIGHT_NOTICE: u8 = 116;
/// The first byte of a dataset, and the number of the application record.
const TAG_MARKER: u8 = 0x1c;
const APPLICATION_RECORD: u8 = 2;

/// Reads the fields. Reading stops at the first damaged dataset, and at the first dataset over 32 KiB, as no text is so long.
pub(crate) fn read_fields(iim: &[u8]) -> XmpFields {
    let mut fields = XmpFields::default();
    let mut rest = iim;
    while let [TAG_MARKER, record, dataset, high, low, data @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((value, after)) = data.split_at_checked(length) else { break };
        rest = after;
        let text = decode(value);
        match *dataset {
            _ if *record != APPLICATION_RECORD || text.is_empty() => {}
            BY_LINE => fields.creators.push(text),
            CREDIT => fields.credit = fields.credit.or(Some(text)),
            COPYRIGHT_NOTICE => fields.set_notice(text),
            _ => {}
        }
    }
    fields
}

/// Decodes a text. Old programs write Latin-1, new programs UTF-8, and not all of them declare it (dataset 1:90). Control
/// characters are removed, because XML cannot contain them.
fn decode(value: &[u8]) -> String {
    let text = match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().map(|&byte| char::from(byte)).collect(),
    };
    let is_xml = |c: char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.split_whitespace().map(|word| word.chars().filter(|&c| is_xml(c)).collect()).collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(record: u8, number: u8, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[TAG_MARKER, record, number], &length[..], value].concat()
    }

    #[test]
    fn fields_are_read_in_utf_8_and_latin_1() {
        let iim = [
            dataset(1, 90, b"\x1b%G"),
            dataset(2, BY_LINE, "Zoë\0".as_bytes()),
            dataset(2, BY_LINE, b"Ren\xe9e  Roe"),
            dataset(2, BY_LINE, b""),
            dataset(2, 90, b"Secret City"),
            dataset(3, CREDIT, b"other record"),
            dataset(2, CREDIT, b"Agency"),
            dataset(2, CREDIT, b"second"),
            dataset(2, COPYRIGHT_NOTICE, b"(c) Zoe"),
        ]
        .concat();
        let mut expected = XmpFields { creators: vec!["Zoë".into(), "Renée Roe".into()], ..XmpFields::default() };
        expected.credit = Some("Agency".into());
        expected.set_notice("(c) Zoe".into());
        assert_eq!(read_fields(&iim), expected);
        for end in 0..iim.len() {
            let _ = read_fields(&iim[..end]);
        }
    }

    #[test]
    fn reading_stops_at_a_damaged_or_extended_dataset() {
        let rest = dataset(2, CREDIT, b"Agency");
        for start in [&b"\x1d\x02\x50\0\x01a"[..], b"\x1c\x02\x50\x80\x04\0\0\0\0"] {
            assert_eq!(read_fields(&[start, &rest].concat()), XmpFields::default());
        }
    }
}
