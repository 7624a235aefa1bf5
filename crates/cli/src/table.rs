//! Tables for people.

use comfy_table::{Cell, CellAlignment, Table, presets};

/// An empty table with these columns; those from the second on hold numbers.
pub(crate) fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Width and height, and how many frames of them where it moves.
pub(crate) fn size(width: u32, height: u32, frames: u32) -> String {
    if frames > 1 { format!("{width}x{height}, {frames} frames") } else { format!("{width}x{height}") }
}

/// Bytes in units of 1024, to three digits.
pub(crate) fn bytes(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// How much smaller it became, in percent of what it was.
pub(crate) fn saving(before: u64, after: u64) -> Cell {
    if before == 0 {
        return Cell::new("");
    }
    // In tenths, exactly; both are file sizes, far below overflow.
    let tenths = (i128::from(before) - i128::from(after)) * 1000 / i128::from(before);
    Cell::new(format!("{}{}.{} %", if tenths < 0 { "-" } else { "" }, tenths.abs() / 10, tenths.abs() % 10))
}
