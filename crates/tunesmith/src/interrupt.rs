//! Ctrl-C and SIGTERM: the first asks the worker to save and stop, the second ends the process at
//! once, which is safe too, as the log is always whole. It refuses to decide what saving means.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::{Class, Classified, Failure};

/// Listens from now on. The flag becomes true at the first signal.
pub(crate) fn listen(quiet: bool) -> Result<Arc<AtomicBool>, Failure> {
    let asked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&asked);
    let handler = move || {
        if seen.swap(true, Ordering::SeqCst) {
            process::exit(Class::Interrupted.code().into());
        }
        if !quiet {
            anstream::eprintln!("finishing the running steps and saving; once more stops at once");
        }
    };
    ctrlc::set_handler(handler).class(Class::Unexpected)?;
    Ok(asked)
}
