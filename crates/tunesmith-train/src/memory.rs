//! How much memory is left to this process: what the kernel calls available, or what the control
//! groups still allow, whichever is less.
//!
//! Read from Linux's `/proc` and `/sys`. This file refuses to guess where there are none.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes; 0 where the system under `root` does not tell.
pub fn available(root: &Path) -> u64 {
    let machine = from_meminfo(&root.join("proc/meminfo"));
    let groups = groups(root).into_iter().filter_map(|group| group.left());
    machine.into_iter().chain(groups).min().unwrap_or(0)
}

/// `MemAvailable`: free memory and what the kernel would give up for more (proc(5)).
fn from_meminfo(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// A control group and the names of its files.
struct Group {
    folder: PathBuf,
    limit: &'static str,
    usage: &'static str,
    /// File pages that are given up first, in `memory.stat`.
    reclaimable: &'static str,
}

impl Group {
    /// What the group may still take. `None` where it has no limit.
    fn left(&self) -> Option<u64> {
        let number = |name: &str| -> Option<u64> {
            fs::read_to_string(self.folder.join(name)).ok()?.trim().parse().ok()
        };
        let limit = number(self.limit)?;
        let stat = fs::read_to_string(self.folder.join("memory.stat")).unwrap_or_default();
        let words = stat.lines().filter_map(|line| line.split_once(' '));
        let cache = words.filter(|(name, _)| *name == self.reclaimable);
        let cache: u64 = cache.filter_map(|(_, bytes)| bytes.parse::<u64>().ok()).sum();
        Some(limit.saturating_sub(number(self.usage)?.saturating_sub(cache)))
    }
}

/// The control groups of this process with those around them, in both versions (cgroups(7)).
fn groups(root: &Path) -> Vec<Group> {
    let text = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut groups = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (mount, limit, usage, reclaimable) = if controllers.is_empty() {
            ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file")
        } else if controllers.split(',').any(|name| name == "memory") {
            let usage = "memory.usage_in_bytes";
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes", usage, "total_inactive_file")
        } else {
            continue;
        };
        // In a container the path may be the host's: only the mount itself exists then.
        for above in Path::new(path.trim_start_matches('/')).ancestors() {
            let folder = root.join(mount).join(above);
            groups.push(Group { folder, limit, usage, reclaimable });
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
    }

    #[test]
    fn the_least_of_machine_and_groups_counts() {
        let folder = tempfile::tempdir().expect("a directory");
        let root = folder.path();
        assert_eq!(available(root), 0, "nothing is known");
        write(root, &[("proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:    4000 kB\n")]);
        assert_eq!(available(root), 4000 * 1024);
        write(
            root,
            &[
                ("proc/self/cgroup", "0::/outer/inner\n"),
                ("sys/fs/cgroup/outer/inner/memory.max", "max\n"),
                ("sys/fs/cgroup/outer/memory.max", "3000000\n"),
                ("sys/fs/cgroup/outer/memory.current", "2000000\n"),
                ("sys/fs/cgroup/outer/memory.stat", "anon 1500000\ninactive_file 500000\n"),
            ],
        );
        assert_eq!(available(root), 1_500_000, "file pages are given up");
    }

    #[test]
    fn the_older_groups_are_read_too() {
        let folder = tempfile::tempdir().expect("a directory");
        let root = folder.path();
        write(
            root,
            &[
                ("proc/meminfo", "MemAvailable:    4000 kB\n"),
                ("proc/self/cgroup", "5:cpu:/x\n4:memory:/docker/abc\n"),
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1000\n"),
                ("sys/fs/cgroup/memory/memory.usage_in_bytes", "2000\n"),
            ],
        );
        assert_eq!(available(root), 0, "more is used than is allowed now");
    }
}
