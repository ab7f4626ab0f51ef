//! What a sync costs on the disk of this run.

use crate::load::{Latencies, moment};
use crate::role::zeroed;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Median and 99th percentile in milliseconds of fdatasync after a write of 32 KiB, half of what 64
/// connections wait for.
pub(crate) fn sync_times(folder: &Path) -> Result<(f64, f64), String> {
    let probe = || -> std::io::Result<Latencies> {
        let path = folder.join("probe");
        let file = zeroed(&path)?;
        let group = vec![7; 32 << 10];
        let mut latencies = Latencies::default();
        for n in 0..1000_u64 {
            let began = moment();
            file.write_all_at(&group, n * group.len() as u64)?;
            file.sync_data()?;
            latencies.add(moment() - began);
        }
        std::fs::remove_file(path)?;
        Ok(latencies)
    };
    let latencies = probe().map_err(|e| format!("probe of the disk: {e}"))?;
    Ok(latencies.quantiles().unwrap_or_default())
}
