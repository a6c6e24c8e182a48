//! The clock's state, its timers and the thread that fires them.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How long (real time) everything must have been at rest before time goes fast: hand-overs between threads fit in it.
const GRACE: Duration = Duration::from_millis(1);

/// How soon (real time) to look again while a reader that said it waits has input after all.
const RECHECK: Duration = Duration::from_millis(1);

/// Session time. Cheap to clone; all clones are the same clock.
#[derive(Clone)]
pub struct Clock {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    speed: f64,
    epoch: Timestamp,
    state: Mutex<State>,
    changed: Condvar,
    /// Wakes the session's runtime whenever a timer fires, so that it is seen to come to rest again.
    pub(super) fired: Notify,
}

struct State {
    /// Session time at `at`, since the session began.
    session: Duration,
    at: Instant,
    fast: bool,
    /// Since when (real time) everything has been at rest.
    rest_since: Option<Instant>,
    busy: usize,
    /// Whether a session runtime reports its rests here, and whether it rests now.
    hooked: bool,
    parked: bool,
    timers: BTreeMap<(Duration, u64), Timer>,
    idle_checks: HashMap<u64, Box<dyn Fn() -> bool + Send>>,
    next_id: u64,
    thread_started: bool,
}

struct Timer {
    waker: Option<Waker>,
    hand_over: bool,
    fired: Arc<Mutex<Fired>>,
}

#[derive(Default)]
struct Fired {
    done: bool,
    /// Work handed to the sleeper as its timer fires, so that no rest is seen before it wakes.
    busy: Option<Busy>,
}

impl Clock {
    /// A clock that runs at real speed, as a live target needs it.
    pub fn real() -> Self {
        Self::starting_at(1.0, Timestamp::now(), Duration::ZERO)
    }

    /// A clock that goes `speed` times as fast whenever nothing is at work. Speeds below 1 are taken as 1.
    pub fn accelerated(speed: f64) -> Self {
        Self::starting_at(speed, Timestamp::now(), Duration::ZERO)
    }

    /// A clock whose session began at `epoch` and has lasted for `elapsed`, as a resumed session needs it.
    pub fn starting_at(speed: f64, epoch: Timestamp, elapsed: Duration) -> Self {
        let speed = if speed.is_finite() && speed > 1.0 { speed } else { 1.0 };
        Self {
            inner: Arc::new(Inner {
                speed,
                epoch,
                state: Mutex::new(State {
                    session: elapsed,
                    at: Instant::now(),
                    fast: false,
                    rest_since: None,
                    busy: 0,
                    hooked: false,
                    parked: false,
                    timers: BTreeMap::new(),
                    idle_checks: HashMap::new(),
                    next_id: 0,
                    thread_started: false,
                }),
                changed: Condvar::new(),
                fired: Notify::new(),
            }),
        }
    }

    /// How many times faster than real time the clock goes while everything rests.
    pub fn speed(&self) -> f64 {
        self.inner.speed
    }

    /// The session time that has passed since the session began.
    pub fn elapsed(&self) -> Duration {
        let mut state = self.inner.lock();
        state.account(self.inner.speed);
        state.session
    }

    /// When the session began.
    pub fn epoch(&self) -> Timestamp {
        self.inner.epoch
    }

    /// The date and time of the session.
    pub fn now(&self) -> Timestamp {
        let elapsed = jiff::SignedDuration::try_from(self.elapsed()).unwrap_or(jiff::SignedDuration::MAX);
        self.inner.epoch.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// Sets session time forward to `elapsed` since the session began; earlier times are ignored. For restoring state.
    pub fn advance_to(&self, elapsed: Duration) {
        let mut state = self.inner.lock();
        state.account(self.inner.speed);
        state.session = state.session.max(elapsed);
        drop(state);
        self.inner.changed.notify_all();
    }

    /// Says that work is going on until the guard is dropped: session time then runs at real speed.
    ///
    /// Tasks of the session's runtime need no guard while they can run. Other threads do, and so does a message on its way
    /// from one thread to another (put the guard into it).
    pub fn busy(&self) -> Busy {
        let mut state = self.inner.lock();
        state.account(self.inner.speed);
        state.busy += 1;
        state.work();
        Busy { clock: Arc::clone(&self.inner) }
    }

    /// Registers a reason to believe that a waiting thread really waits: `still_idle` is asked before time goes fast, and
    /// time does not while it answers false (input has come that the thread has not yet woken for). It must not block and
    /// must not use the clock.
    pub fn idle_check(&self, still_idle: impl Fn() -> bool + Send + 'static) -> IdleCheck {
        let mut state = self.inner.lock();
        let id = state.id();
        state.idle_checks.insert(id, Box::new(still_idle));
        IdleCheck { clock: Arc::downgrade(&self.inner), id }
    }

    /// Waits for `duration` of session time.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.elapsed().saturating_add(duration))
    }

    /// Waits until `deadline`, session time since the session began.
    pub fn sleep_until(&self, deadline: Duration) -> Sleep {
        Sleep { clock: Arc::clone(&self.inner), deadline, entry: None, hand_over: false }
    }

    /// Runs `future` for at most `limit` of session time.
    ///
    /// # Errors
    /// [`Elapsed`] when the limit came first.
    pub async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Result<F::Output, Elapsed> {
        tokio::select! {
            biased;
            output = future => Ok(output),
            _ = self.sleep(limit) => Err(Elapsed),
        }
    }

    /// Blocks this thread, which must not be a runtime's, for `duration` of session time. The thread counts as waiting if
    /// it holds no [`Busy`] of its own. When the time comes the clock hands it a [`Busy`] that it had before it woke.
    /// `None` means that `cancel` came first.
    pub fn sleep_blocking(&self, duration: Duration, cancel: &CancellationToken) -> Option<Busy> {
        let mut sleep = self.sleep(duration);
        sleep.hand_over = true;
        let cancelled = cancel.cancelled();
        futures::executor::block_on(async {
            tokio::select! {
                biased;
                () = cancelled => None,
                busy = sleep => Some(busy.unwrap_or_else(|| self.busy())),
            }
        })
    }

    /// Session time until the next timer, if one is set.
    pub fn next_timer(&self) -> Option<Duration> {
        let mut state = self.inner.lock();
        state.account(self.inner.speed);
        let now = state.session;
        state.timers.keys().next().map(|(deadline, _)| deadline.saturating_sub(now))
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").field("speed", &self.speed()).field("elapsed", &self.elapsed()).finish()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session's runtime says whether it has nothing to run.
    pub(super) fn set_parked(&self, parked: bool) {
        let mut state = self.lock();
        state.account(self.speed);
        state.hooked = true;
        state.parked = parked;
        if parked {
            // At speed 1 a rest changes nothing that the timer thread would have to know.
            if self.speed > 1.0 && !state.timers.is_empty() {
                self.changed.notify_all();
            }
        } else {
            state.work();
        }
    }

    fn ensure_thread(self: &Arc<Self>, state: &mut State) {
        if state.thread_started {
            return;
        }
        state.thread_started = true;
        let weak = Arc::downgrade(self);
        let spawned = std::thread::Builder::new().name("clock".into()).spawn(move || run(&weak));
        state.thread_started = spawned.is_ok();
    }
}

impl State {
    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Brings `session` up to the present at the speed of the time since the last call.
    fn account(&mut self, speed: f64) {
        let now = Instant::now();
        let real = now.saturating_duration_since(self.at);
        self.at = now;
        if self.fast {
            let ahead = self
                .session
                .saturating_add(Duration::try_from_secs_f64(real.as_secs_f64() * speed).unwrap_or(Duration::MAX));
            // In fast mode no timer is passed before it has fired, however late this thread runs.
            let limit = self.timers.keys().next().map_or(self.session.saturating_add(real), |(deadline, _)| *deadline);
            self.session = ahead.min(limit.max(self.session));
        } else {
            self.session = self.session.saturating_add(real);
        }
    }

    /// Somebody is at work: time runs at real speed from here.
    fn work(&mut self) {
        self.fast = false;
        self.rest_since = None;
    }

    fn at_rest(&self) -> bool {
        self.busy == 0 && (self.parked || !self.hooked)
    }
}

/// The timer thread: fires what is due, and decides when time may go fast. It ends with the clock.
fn run(clock: &Weak<Inner>) {
    loop {
        let Some(inner) = clock.upgrade() else { return };
        let mut state = inner.lock();
        state.account(inner.speed);
        let due: Vec<_> = state.timers.range(..=(state.session, u64::MAX)).map(|(key, _)| *key).collect();
        if !due.is_empty() {
            state.work();
            // What a timer wakes must have come to rest before time goes fast again.
            state.parked = false;
            let mut wakers = Vec::new();
            for key in due {
                let Some(timer) = state.timers.remove(&key) else { continue };
                let mut fired = timer.fired.lock().unwrap_or_else(PoisonError::into_inner);
                fired.done = true;
                if timer.hand_over {
                    state.busy += 1;
                    fired.busy = Some(Busy { clock: Arc::clone(&inner) });
                }
                drop(fired);
                wakers.extend(timer.waker);
            }
            drop(state);
            inner.fired.notify_one();
            for waker in wakers {
                waker.wake();
            }
            continue;
        }
        let wait = state.plan(inner.speed);
        let guard = match wait {
            // The longest waits end now and then, so that the thread sees that the clock is gone.
            Some(wait) => {
                inner.changed.wait_timeout(state, wait.min(Duration::from_secs(5))).map(|(guard, _)| guard).ok()
            }
            None => inner.changed.wait_timeout(state, Duration::from_secs(5)).map(|(guard, _)| guard).ok(),
        };
        drop(guard);
    }
}

impl State {
    /// Decides how fast time goes from here; answers how long (real time) until there is something to do.
    fn plan(&mut self, speed: f64) -> Option<Duration> {
        let (deadline, _) = *self.timers.keys().next()?;
        let left = deadline.saturating_sub(self.session);
        if speed <= 1.0 {
            return Some(left);
        }
        if !self.at_rest() {
            self.work();
            // Coming to rest notifies; until then the timer is due in real time.
            return Some(left);
        }
        let now = Instant::now();
        let since = *self.rest_since.get_or_insert(now);
        let rested = now.saturating_duration_since(since);
        if rested < GRACE {
            self.fast = false;
            return Some((GRACE - rested).min(left));
        }
        if !self.idle_checks.values().all(|still_idle| still_idle()) {
            self.work();
            return Some(RECHECK.min(left));
        }
        self.fast = true;
        Some(Duration::try_from_secs_f64(left.as_secs_f64() / speed).unwrap_or(left))
    }
}

/// Work is going on while this exists. See [`Clock::busy`].
pub struct Busy {
    clock: Arc<Inner>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.clock.lock();
        state.account(self.clock.speed);
        state.busy = state.busy.saturating_sub(1);
        if state.at_rest() && self.clock.speed > 1.0 && !state.timers.is_empty() {
            self.clock.changed.notify_all();
        }
    }
}

impl std::fmt::Debug for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Busy")
    }
}

/// Keeps a check registered. See [`Clock::idle_check`].
pub struct IdleCheck {
    clock: Weak<Inner>,
    id: u64,
}

impl Drop for IdleCheck {
    fn drop(&mut self) {
        if let Some(clock) = self.clock.upgrade() {
            clock.lock().idle_checks.remove(&self.id);
        }
    }
}

/// The limit of a [`Clock::timeout`] came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the time limit was reached")]
pub struct Elapsed;

/// A wait for a moment of session time. Gives work in progress to a waiter that asked for it.
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    clock: Arc<Inner>,
    deadline: Duration,
    entry: Option<(u64, Arc<Mutex<Fired>>)>,
    hand_over: bool,
}

impl Future for Sleep {
    type Output = Option<Busy>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let clock = Arc::clone(&self.clock);
        let mut state = clock.lock();
        if let Some((id, fired)) = &self.entry {
            let mut slot = fired.lock().unwrap_or_else(PoisonError::into_inner);
            if slot.done {
                let busy = slot.busy.take();
                drop(slot);
                drop(state);
                self.entry = None;
                return Poll::Ready(busy);
            }
            if let Some(timer) = state.timers.get_mut(&(self.deadline, *id)) {
                timer.waker = Some(context.waker().clone());
            }
            return Poll::Pending;
        }
        state.account(clock.speed);
        if state.session >= self.deadline {
            return Poll::Ready(None);
        }
        let id = state.id();
        let fired = Arc::new(Mutex::new(Fired::default()));
        let timer =
            Timer { waker: Some(context.waker().clone()), hand_over: self.hand_over, fired: Arc::clone(&fired) };
        let first = state.timers.keys().next().is_none_or(|(deadline, _)| self.deadline < *deadline);
        state.timers.insert((self.deadline, id), timer);
        clock.ensure_thread(&mut state);
        drop(state);
        if first {
            clock.changed.notify_all();
        }
        self.entry = Some((id, fired));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((id, fired)) = self.entry.take() {
            self.clock.lock().timers.remove(&(self.deadline, id));
            // A guard that nobody took must not be dropped under a lock.
            let busy = fired.lock().unwrap_or_else(PoisonError::into_inner).busy.take();
            drop(busy);
        }
    }
}
