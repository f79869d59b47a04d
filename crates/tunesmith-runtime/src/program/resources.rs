//! What a trial of a program needs, and how many such trials a machine has places for. A place has devices of its own,
//! or a share of one. It refuses to watch over what is used: `memory` and fractions of a GPU are the file's word.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tunesmith_train::memory;

/// What every trial needs; nothing where it is not said.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Cores, a fraction of one too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// GPUs: whole ones, or a fraction of one; 0 hides them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<f64>,
    /// Bytes of the machine's memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
}

/// What a machine has for trials.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacity {
    /// Cores that this process may use.
    pub cores: usize,
    /// GPUs that this process sees, by the names that `CUDA_VISIBLE_DEVICES` takes.
    pub devices: Vec<String>,
    /// Bytes of memory that are left; 0 where the system does not tell.
    pub memory_bytes: u64,
}

/// Where a trial runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// What its `CUDA_VISIBLE_DEVICES` is; the agent's where there is none.
    pub devices: Option<String>,
    /// What its `OMP_NUM_THREADS` is; the agent's where there is none.
    pub threads: Option<usize>,
}

/// A machine that is too small for a single trial.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "a trial needs {needed} by `resources`, and this machine has {found} for it; ask for less, or work on it elsewhere"
)]
pub struct TooSmall {
    /// What a trial asks for.
    pub needed: String,
    /// What there is of it.
    pub found: String,
}

/// The places of a machine: at most `most`, and one where neither `resources` nor `most` says more.
///
/// # Errors
/// [`TooSmall`] where there is not a single one.
pub fn places(
    resources: Option<&Resources>,
    most: Option<usize>,
    capacity: &Capacity,
) -> Result<Vec<Place>, TooSmall> {
    let Some(resources) = resources else {
        return Ok(vec![Place::default(); most.unwrap_or(1).max(1)]);
    };
    let by_cores = resources.cpu.map(|cpu| fits(capacity.cores as f64, cpu));
    if by_cores == Some(0) {
        let needed = format!("{} cores", resources.cpu.unwrap_or(0.0));
        return Err(TooSmall { needed, found: capacity.cores.to_string() });
    }
    let known = resources.memory_bytes.filter(|_| capacity.memory_bytes > 0);
    let by_memory = known.map(|bytes| fits(capacity.memory_bytes as f64, bytes as f64));
    if by_memory == Some(0) {
        let mib = |bytes: u64| format!("{} MiB of memory", bytes >> 20);
        let needed = mib(resources.memory_bytes.unwrap_or(0));
        return Err(TooSmall { needed, found: mib(capacity.memory_bytes) });
    }
    let shares = resources.gpu.map(|gpu| shares(gpu, &capacity.devices));
    let by_devices = shares.as_ref().filter(|_| resources.gpu > Some(0.0)).map(Vec::len);
    if by_devices == Some(0) {
        let needed = format!("{} GPUs", resources.gpu.unwrap_or(0.0));
        return Err(TooSmall { needed, found: capacity.devices.len().to_string() });
    }
    let limits = [by_cores, by_memory, by_devices, most.map(|most| most.max(1))];
    let count = limits.into_iter().flatten().min().unwrap_or(1);
    let place = |index: usize| Place {
        devices: shares.as_ref().map(|shares| shares[index % shares.len()].clone()),
        threads: resources.cpu.map(|cpu| (cpu as usize).max(1)),
    };
    Ok((0..count).map(place).collect())
}

/// How many times `part` goes into `whole`, forgiving what rounding took.
fn fits(whole: f64, part: f64) -> usize {
    (whole / part + 1e-9).floor() as usize
}

/// The values of `CUDA_VISIBLE_DEVICES`, one a place; neighbours are on different devices as long as there are some.
fn shares(gpu: f64, devices: &[String]) -> Vec<String> {
    if gpu <= 0.0 {
        return vec![String::new()];
    }
    if gpu > 1.0 {
        return devices.chunks_exact(gpu.ceil() as usize).map(|some| some.join(",")).collect();
    }
    let rounds = std::iter::repeat_n(devices, fits(1.0, gpu));
    rounds.flatten().cloned().collect()
}

impl Capacity {
    /// That of this process: its cores, the GPUs that it may see, the memory that is left to it.
    pub fn here() -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            devices: match std::env::var("CUDA_VISIBLE_DEVICES") {
                Ok(list) => visible(&list),
                Err(_) => attached(Path::new("/dev")),
            },
            memory_bytes: memory::available(Path::new("/")),
        }
    }
}

/// The devices of a `CUDA_VISIBLE_DEVICES`: CUDA takes them up to the first that is none.
fn visible(list: &str) -> Vec<String> {
    let names = list.split(',').map(str::trim);
    names.take_while(|name| !name.is_empty() && !name.starts_with('-')).map(str::to_owned).collect()
}

/// The devices that NVIDIA's driver has made files for; CUDA counts them from 0.
fn attached(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_device = |name: &str| {
        name.strip_prefix("nvidia").is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let count = files.filter(|file| is_device(&file.file_name().to_string_lossy())).count();
    (0..count).map(|index| index.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(cores: usize, devices: &str, memory_bytes: u64) -> Capacity {
        Capacity { cores, devices: visible(devices), memory_bytes }
    }

    fn devices(gpu: f64, most: Option<usize>, capacity: &Capacity) -> Vec<String> {
        let resources = Resources { gpu: Some(gpu), ..Resources::default() };
        let places = places(Some(&resources), most, capacity).expect("there are some");
        places.into_iter().map(|place| place.devices.expect("of its own")).collect()
    }

    #[test]
    fn what_is_scarcest_decides() {
        let resources = Resources { cpu: Some(2.0), gpu: None, memory_bytes: Some(3 << 30) };
        let count = |capacity| places(Some(&resources), None, &capacity).map(|places| places.len());
        assert_eq!(count(machine(8, "", 64 << 30)), Ok(4));
        assert_eq!(count(machine(8, "", 10 << 30)), Ok(3));
        assert_eq!(count(machine(8, "", 0)), Ok(4), "memory that is not known limits nothing");
        let some = places(Some(&resources), Some(2), &machine(8, "", 64 << 30)).expect("two");
        assert_eq!(some, vec![Place { devices: None, threads: Some(2) }; 2]);
        let error = count(machine(1, "", 64 << 30)).expect_err("one core");
        assert_eq!(
            error.to_string(),
            "a trial needs 2 cores by `resources`, and this machine has 1 for it; ask for less, or work on it elsewhere"
        );
        assert!(count(machine(8, "", 1 << 30)).is_err());
    }

    #[test]
    fn devices_are_shared_out() {
        let two = machine(8, "3,GPU-5f", 0);
        assert_eq!(devices(1.0, None, &two), ["3", "GPU-5f"]);
        assert_eq!(devices(0.5, None, &two), ["3", "GPU-5f", "3", "GPU-5f"]);
        assert_eq!(devices(0.3, Some(3), &two), ["3", "GPU-5f", "3"]);
        assert_eq!(devices(0.1, None, &machine(8, "0", 0)).len(), 10);
        assert_eq!(devices(2.0, None, &machine(8, "0,1,2,3,4", 0)), ["0,1", "2,3"]);
        assert_eq!(devices(0.0, Some(3), &two), ["", "", ""]);
        let one = Resources { gpu: Some(1.0), ..Resources::default() };
        assert!(places(Some(&one), None, &machine(8, "", 0)).is_err());
        assert!(places(Some(&one), Some(4), &machine(8, "-1", 0)).is_err());
    }

    #[test]
    fn without_resources_the_file_says_how_many() {
        let here = machine(2, "", 0);
        assert_eq!(places(None, None, &here), Ok(vec![Place::default()]));
        assert_eq!(places(None, Some(5), &here).map(|places| places.len()), Ok(5));
    }

    #[test]
    fn only_devices_are_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["nvidia0", "nvidia3", "nvidiactl", "nvidia-uvm", "null"] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        assert_eq!(attached(folder.path()), ["0", "1"]);
        assert_eq!(visible("0, 2,-1,3"), ["0", "2"]);
    }
}
