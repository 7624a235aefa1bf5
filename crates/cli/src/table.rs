//! Tables on the terminal.

use comfy_table::{Cell, CellAlignment, Table, presets};

/// An empty table. All columns except the first contain numbers.
pub(crate) fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Width, height and, for an animation, the number of frames.
pub(crate) fn size(width: u32, height: u32, frames: u32) -> String {
    if frames > 1 { format!("{width}x{height}, {frames} frames") } else { format!("{width}x{height}") }
}

/// A size with a binary unit and three digits.
pub(crate) fn bytes(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// The saving in percent of the original size.
pub(crate) fn saving(before: u64, after: u64) -> Cell {
    if before == 0 {
        return Cell::new("");
    }
    // Tenths of a percent, exactly. File sizes cannot overflow this calculation.
    let tenths = (i128::from(before) - i128::from(after)) * 1000 / i128::from(before);
    Cell::new(format!("{}{}.{} %", if tenths < 0 { "-" } else { "" }, tenths.abs() / 10, tenths.abs() % 10))
}
