//! Who a worker is, written so that a later worker on the same machine can tell that it is dead.
//! It refuses to judge a worker of another machine or another process namespace: for those only
//! the end of the lease counts.

use std::fs;
use std::str::FromStr;

/// One worker process, unlike any other before or after it.
///
/// Written as `host:boot:namespace:pid:start`. `start` is the process's start time in clock ticks
/// since boot, as the kernel keeps it, so that a pid used again is not taken for the old process. Where a process holds
/// several workers each has a number of its own behind it: `host:boot:namespace:pid:start:number`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    host: String,
    boot: String,
    namespace: String,
    pid: u32,
    start: u64,
    number: Option<u32>,
}

/// What is known of another worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It runs on this machine.
    Alive,
    /// It ran on this machine and is gone.
    Dead,
    /// It cannot be judged from here.
    Unknown,
}

/// A text that is no identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no worker identity, which has the form host:boot:namespace:pid:start")]
pub struct IdentityError {
    /// The text.
    pub text: String,
}

impl Identity {
    /// The identity of this process. On systems without `/proc` the parts that cannot be known
    /// stay empty, and such workers are never judged.
    pub fn of_this_process() -> Self {
        let pid = std::process::id();
        Self {
            host: read("/proc/sys/kernel/hostname"),
            boot: read("/proc/sys/kernel/random/boot_id"),
            namespace: fs::read_link("/proc/self/ns/pid")
                .map(|link| link.to_string_lossy().chars().filter(char::is_ascii_digit).collect())
                .unwrap_or_default(),
            pid,
            start: start_of(pid).unwrap_or_default(),
            number: None,
        }
    }

    /// The same process as the worker of that number in it.
    #[must_use]
    pub fn numbered(self, number: u32) -> Self {
        Self { number: Some(number), ..self }
    }

    /// What is known here of `other`.
    pub fn fate_of(&self, other: &Self) -> Fate {
        let comparable = !self.boot.is_empty() && !other.boot.is_empty();
        if !comparable || self.host != other.host {
            return Fate::Unknown;
        }
        if self.boot != other.boot {
            return Fate::Dead;
        }
        if self.namespace != other.namespace {
            return Fate::Unknown;
        }
        if start_of(other.pid) == Some(other.start) { Fate::Alive } else { Fate::Dead }
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, boot, namespace, pid, start, number } = self;
        write!(formatter, "{host}:{boot}:{namespace}:{pid}:{start}")?;
        number.map_or(Ok(()), |number| write!(formatter, ":{number}"))
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let wrong = || IdentityError { text: text.to_owned() };
        let parts: Vec<&str> = text.split(':').collect();
        let [host, boot, namespace, pid, start, number @ ..] = parts.as_slice() else {
            return Err(wrong());
        };
        let number = match number {
            [] => None,
            [number] => Some(number.parse().map_err(|_| wrong())?),
            _ => return Err(wrong()),
        };
        Ok(Self {
            host: (*host).to_owned(),
            boot: (*boot).to_owned(),
            namespace: (*namespace).to_owned(),
            pid: pid.parse().map_err(|_| wrong())?,
            start: start.parse().map_err(|_| wrong())?,
            number,
        })
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map(|text| text.trim().replace(':', "-")).unwrap_or_default()
}

/// The start time of a living process: field 22 of `/proc/<pid>/stat`. The second field, the
/// program's name, may hold blanks and parentheses, so counting begins after its last one. A
/// process that has ended and only waits to be collected (state Z) does not live.
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_as_it_is_written() {
        let identity = Identity::of_this_process();
        assert_eq!(identity.to_string().parse(), Ok(identity));
    }

    #[test]
    fn several_workers_of_a_process_share_its_fate_and_no_name() {
        let here = Identity::of_this_process();
        let first = here.clone().numbered(1);
        assert_eq!(first.to_string().parse(), Ok(first.clone()));
        assert_ne!(first.to_string(), here.clone().numbered(2).to_string());
        assert_eq!(here.fate_of(&first), Fate::Alive);
        assert!("a:b:c:1:2:3:4".parse::<Identity>().is_err());
    }

    #[test]
    fn this_process_lives() {
        let identity = Identity::of_this_process();
        assert_eq!(identity.fate_of(&identity), Fate::Alive);
    }

    #[test]
    fn a_pid_used_again_is_another_process() {
        let here = Identity::of_this_process();
        let earlier = Identity { start: here.start.wrapping_sub(1), ..here.clone() };
        assert_eq!(here.fate_of(&earlier), Fate::Dead);
    }

    #[test]
    fn a_process_before_the_last_boot_is_dead_and_one_elsewhere_unknown() {
        let here = Identity::of_this_process();
        let before = Identity { boot: "another".into(), ..here.clone() };
        let elsewhere = Identity { host: "another".into(), ..here.clone() };
        let contained = Identity { namespace: "1".into(), ..here.clone() };
        assert_eq!(here.fate_of(&before), Fate::Dead);
        assert_eq!(here.fate_of(&elsewhere), Fate::Unknown);
        assert_eq!(here.fate_of(&contained), Fate::Unknown);
    }

    #[test]
    fn an_ended_child_is_dead_even_before_it_is_collected() {
        let here = Identity::of_this_process();
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("cat starts");
        let start = start_of(child.id()).expect("it lives");
        let identity = Identity { pid: child.id(), start, ..here.clone() };
        assert_eq!(here.fate_of(&identity), Fate::Alive);
        child.kill().expect("it can be killed");
        let mut rest = String::new();
        let mut output = child.stdout.take().expect("it is piped");
        std::io::Read::read_to_string(&mut output, &mut rest).expect("its output ends");
        child.wait().expect("it can be waited for");
        assert_eq!(here.fate_of(&identity), Fate::Dead);
    }

    #[test]
    fn other_text_is_refused() {
        assert!("worker-1".parse::<Identity>().is_err());
        assert!("a:b:c:d:e".parse::<Identity>().is_err());
    }
}
