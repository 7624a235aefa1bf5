//! Estimates the time and the cost of a backfill with the formula of docs/performance.md. All prices of the project are
//! in this file.

/// The memory size in MB at which Lambda assigns one vCPU (AWS Lambda Developer Guide, "Configure Lambda function
/// memory").
const MEMORY_PER_VCPU: f64 = 1769.0;

/// The region and date of the prices below.
pub const PRICES: &str = "us-east-1, November 2026";
/// Dollars per GB-second in the first pricing tier (AWS Lambda pricing).
const ARM64_GB_SECOND: f64 = 0.000_013_333_4;
const X86_64_GB_SECOND: f64 = 0.000_016_666_7;
/// Dollars per Lambda request.
const REQUEST: f64 = 0.20 / 1e6;
/// Dollars per S3 Batch Operations job, and per object of a job (Amazon S3 pricing).
const JOB: f64 = 0.25;
const OBJECT: f64 = 1.0 / 1e6;

/// CPU seconds per megapixel with the system codec and default settings.
const CPU_PER_MEGAPIXEL: f64 = 6.6 / 12.0;
/// The fraction of the CPU time in which only one thread runs.
const SINGLE_THREADED: f64 = 2.5 / 6.6;
/// Seconds per image for requests to S3.
const S3_SECONDS: f64 = 0.1;

/// The input of the estimate.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    /// Number of images.
    pub images: u64,
    /// Average size of an image in megapixels.
    pub megapixels: f64,
    /// Memory of the function in MB.
    pub memory: u32,
    /// Images that are converted at the same time.
    pub concurrency: u32,
    /// Whether S3 Batch Operations invokes the function.
    pub uses_batch_operations: bool,
}

/// The estimated time and cost of a backfill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Seconds per image.
    pub image_seconds: f64,
    /// Seconds for all images.
    pub total_seconds: f64,
    /// Dollars for Lambda on arm64 and for S3 Batch Operations, without S3 requests and storage.
    pub arm64_dollars: f64,
    /// Dollars for Lambda on x86-64 and for S3 Batch Operations, without S3 requests and storage.
    pub x86_64_dollars: f64,
}

impl Workload {
    /// Estimates the time and the cost.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        let vcpus = f64::from(self.memory) / MEMORY_PER_VCPU;
        let cpu = CPU_PER_MEGAPIXEL * self.megapixels;
        let single_threaded = cpu * SINGLE_THREADED;
        let image_seconds = S3_SECONDS + single_threaded / vcpus.min(1.0) + (cpu - single_threaded) / vcpus;
        #[expect(clippy::cast_precision_loss, reason = "f64 has 15 exact digits, which are enough for an estimate")]
        let images = self.images as f64;
        let batch = if self.uses_batch_operations && self.images > 0 { JOB + images * OBJECT } else { 0.0 };
        let gb_seconds = image_seconds * f64::from(self.memory) / 1024.0;
        let dollars = |gb_second| images * (gb_seconds * gb_second + REQUEST) + batch;
        Estimate {
            image_seconds,
            total_seconds: images * image_seconds / f64::from(self.concurrency.max(1)),
            arm64_dollars: dollars(ARM64_GB_SECOND),
            x86_64_dollars: dollars(X86_64_GB_SECOND),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_in_the_docs_equals_the_estimate() {
        let page = std::fs::read_to_string("../../docs/performance.md").unwrap();
        let (_, table) = page.split_once("| memory | seconds each | 1,000 on arm64 | 1,000 on x86-64 |\n").unwrap();
        let rows: Vec<&str> = table.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
        assert_eq!(rows.len(), 5);
        for row in rows {
            let memory = row.trim_start_matches("| ").split(' ').next().unwrap().replace(',', "").parse().unwrap();
            let workload =
                Workload { images: 1000, megapixels: 12.0, memory, concurrency: 1, uses_batch_operations: false };
            let Estimate { image_seconds, arm64_dollars, x86_64_dollars, .. } = workload.estimate();
            let cells = format!("| {image_seconds:.1} | ${arm64_dollars:.3} | ${x86_64_dollars:.3} |");
            assert!(row.ends_with(&cells), "{row}: {cells}");
        }
    }

    #[test]
    fn estimate_with_batch_operations_includes_the_price_of_a_job_and_of_each_object() {
        let direct = Workload {
            images: 1_000_000,
            megapixels: 12.0,
            memory: 1769,
            concurrency: 500,
            uses_batch_operations: false,
        };
        let batch = Workload { uses_batch_operations: true, ..direct };
        assert!((batch.estimate().arm64_dollars - direct.estimate().arm64_dollars - 1.25).abs() < 1e-6);
        let empty = Workload { images: 0, ..batch }.estimate();
        assert!(empty.arm64_dollars == 0.0 && empty.total_seconds == 0.0);
    }
}
