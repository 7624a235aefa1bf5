//! What it will take, by the formula of docs/performance.md.

/// MB of memory that buy one processor (AWS Lambda Developer Guide, "Configure Lambda function memory").
const VCPU: f64 = 1769.0;
/// Dollars for a GB-second on arm64 and on x86-64, and for a request: us-east-1, the first tier, November 2026.
const GB_SECOND: [f64; 2] = [0.000_013_333_4, 0.000_016_666_7];
const REQUEST: f64 = 0.20 / 1e6;
/// CPU seconds of a megapixel by the system's codec and the default settings, an eighth of them on one thread alone, and the
/// seconds that one image waits for S3.
const CPU: f64 = 0.45;
const ALONE: f64 = 0.7 / 5.4;
const WAITING: f64 = 0.1;
/// Dollars for a job of S3 Batch Operations, and for an object of it.
const JOB: f64 = 0.25;
const OBJECT: f64 = 1.0 / 1e6;

/// The work that is estimated.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// How many images.
    pub images: u64,
    /// Megapixels of one, on average.
    pub megapixels: f64,
    /// The function's memory in MB.
    pub memory: u32,
    /// Whether the function is for arm64.
    pub is_arm: bool,
    /// Images under way at a time.
    pub concurrency: u32,
    /// Whether S3 Batch Operations hands them over.
    pub by_batch: bool,
}

/// What it will take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Seconds that one image takes.
    pub each: f64,
    /// Seconds that all take, so many at a time.
    pub seconds: f64,
    /// Dollars: Lambda's, and those of S3 Batch Operations. Requests to S3 and storage come on top.
    pub dollars: f64,
}

impl Work {
    /// What it will take.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        let vcpu = f64::from(self.memory) / VCPU;
        let cpu = CPU * self.megapixels;
        let alone = cpu * ALONE;
        let each = WAITING + alone / vcpu.min(1.0) + (cpu - alone) / vcpu;
        #[expect(clippy::cast_precision_loss, reason = "an estimate needs no 16th digit")]
        let images = self.images as f64;
        let price = GB_SECOND[usize::from(!self.is_arm)];
        let lambda = images * (each * f64::from(self.memory) / 1024.0 * price + REQUEST);
        let batch = if self.by_batch && self.images > 0 { JOB + images * OBJECT } else { 0.0 };
        let seconds = images * each / f64::from(self.concurrency.max(1));
        Estimate { each, seconds, dollars: lambda + batch }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_docs_have_the_table_that_is_estimated() {
        let page = std::fs::read_to_string("../../docs/performance.md").unwrap();
        let (_, table) = page.split_once("| memory | seconds each | 1,000 on arm64 | 1,000 on x86-64 |\n").unwrap();
        let rows: Vec<&str> = table.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
        assert_eq!(rows.len(), 5);
        for row in rows {
            let memory = row.trim_start_matches("| ").split(' ').next().unwrap().replace(',', "").parse().unwrap();
            let work =
                |is_arm| Work { images: 1000, megapixels: 12.0, memory, is_arm, concurrency: 1, by_batch: false };
            let [arm, intel] = [true, false].map(|is_arm| work(is_arm).estimate());
            let cells = format!("| {:.1} | ${:.3} | ${:.3} |", arm.each, arm.dollars, intel.dollars);
            assert!(row.ends_with(&cells), "{row}: {cells}");
        }
    }

    #[test]
    fn a_million_by_batch_costs_a_job_and_an_object_each_more() {
        let work =
            Work { images: 1_000_000, megapixels: 12.0, memory: 1769, is_arm: true, concurrency: 500, by_batch: false };
        let more = Work { by_batch: true, ..work }.estimate().dollars - work.estimate().dollars;
        assert!((more - 1.25).abs() < 1e-6);
        let nothing = Work { images: 0, by_batch: true, ..work }.estimate();
        assert!(nothing.dollars == 0.0 && nothing.seconds == 0.0);
    }
}
