//! How a blocking tool waits on session time, and lets the shell know that it does nothing else.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use super::Invocation;

/// Hears when the tool on this thread only waits. The shell counts its tools with it: time may go fast while all wait.
pub trait Waiter: Send + Sync {
    /// From here on the tool waits.
    fn wait_begins(&self);
    /// From here on it works again.
    fn wait_ends(&self);
}

thread_local! {
    static WAITER: RefCell<Option<Arc<dyn Waiter>>> = const { RefCell::new(None) };
}

/// Runs `call` on this thread; `waiter` hears of its waits.
pub fn with_waiter<R>(waiter: Arc<dyn Waiter>, call: impl FnOnce() -> R) -> R {
    struct Restore(Option<Arc<dyn Waiter>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            WAITER.set(self.0.take());
        }
    }
    let _restore = Restore(WAITER.replace(Some(waiter)));
    call()
}

/// Wakes a blocked thread, and remembers that it did: the clock asks before it lets time go fast.
struct Alarm {
    rung: AtomicBool,
    thread: Thread,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Invocation {
    /// Blocks this thread for `duration` of session time. False if the call was cancelled first.
    pub fn sleep(&self, duration: Duration) -> bool {
        let waiter = WAITER.with_borrow(Clone::clone);
        let alarm = Arc::new(Alarm { rung: AtomicBool::new(false), thread: std::thread::current() });
        let waker = Waker::from(Arc::clone(&alarm));
        let mut context = Context::from_waker(&waker);
        let mut cancelled = pin!(self.cancel.cancelled());
        let mut time = pin!(self.clock.sleep(duration));
        loop {
            alarm.rung.store(false, Ordering::SeqCst);
            if cancelled.as_mut().poll(&mut context).is_ready() {
                return false;
            }
            if time.as_mut().poll(&mut context).is_ready() {
                return true;
            }
            // The timer is set: from here on this thread only waits, until the alarm rings.
            let check = self.clock.idle_check({
                let alarm = Arc::clone(&alarm);
                move || !alarm.rung.load(Ordering::SeqCst)
            });
            if let Some(waiter) = &waiter {
                waiter.wait_begins();
            }
            while !alarm.rung.load(Ordering::SeqCst) {
                std::thread::park();
            }
            if let Some(waiter) = &waiter {
                waiter.wait_ends();
            }
            drop(check);
        }
    }
}
