//! Whether the operators of a pass share their work over the pool or keep to the thread they are on.
//!
//! Where every thread has a slot of its own, cutting an operator into tasks that nobody takes costs
//! time at each of its hundreds of launches. This file refuses to start threads: rayon's pool does.

use std::cell::Cell;

thread_local! {
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body`, whose operators keep to this thread if `alone`.
pub(crate) fn keep_to_thread<R>(alone: bool, body: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ALONE.set(self.0);
        }
    }
    let _restore = Restore(ALONE.replace(alone));
    body()
}

/// Whether operators launched here keep to this thread.
pub(crate) fn is_alone() -> bool {
    ALONE.get()
}

/// The least number of an operator's tasks that are run in one piece.
pub(crate) fn grain() -> usize {
    if is_alone() { usize::MAX } else { 1 }
}
