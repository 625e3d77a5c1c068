//! The requests of a run, so many at once and so many a second at most; an entry from which nothing comes is given up.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use crate::model::route::answer::Seen;
use crate::model::route::failure::Failure;

/// After so many requests in a row from which nothing came but silence, an entry isn't asked any more.
const PATIENCE: u32 = 10;

/// How far a run may be behind its rate and still catch up: timers are no more exact than that.
const SLACK: Duration = Duration::from_millis(20);

/// How fast requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many are under way at once.
    pub concurrency: usize,
    /// The time from the beginning of one to that of the next; none for no limit.
    pub gap: Duration,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many requests are done.
    pub done: usize,
    /// How many there are.
    pub all: usize,
}

/// One request: its key and its entry by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) key: usize,
    pub(super) entry: usize,
}

/// Sends every request; `take` is given what came of it, or nothing where it was left out.
pub(super) async fn drive(
    mut jobs: impl ExactSizeIterator<Item = Job>,
    pace: Pace,
    progress: &dyn Fn(Progress),
    send: impl AsyncFn(Job) -> Option<Seen>,
    mut take: impl FnMut(Job, Option<&Seen>),
) {
    let all = jobs.len();
    let mut done = 0;
    let mut silent: BTreeMap<usize, u32> = BTreeMap::new();
    let mut under_way = FuturesUnordered::new();
    let mut next = jobs.next();
    let mut due = Instant::now();
    while next.is_some() || !under_way.is_empty() {
        let may_send = under_way.len() < pace.concurrency;
        tokio::select! {
            biased;
            Some(answered) = under_way.next() => {
                let (job, seen): (Job, Option<Seen>) = answered;
                let count = silent.entry(job.entry).or_default();
                *count = match seen.as_ref().is_some_and(is_silent) {
                    true => *count + 1,
                    false => 0,
                };
                take(job, seen.as_ref());
                done += 1;
                progress(Progress { done, all });
            }
            Some(job) = until_due(next, due), if may_send => {
                next = jobs.next();
                if silent.get(&job.entry).is_some_and(|count| *count >= PATIENCE) {
                    take(job, None);
                    done += 1;
                    continue;
                }
                let now = Instant::now();
                due = due.max(now.checked_sub(SLACK).unwrap_or(now)) + pace.gap;
                let answer = send(job);
                under_way.push(async move { (job, answer.await) });
            }
            else => break,
        }
    }
}

async fn until_due(job: Option<Job>, due: Instant) -> Option<Job> {
    sleep_until(due).await;
    job
}

/// Whether nothing came, and the whole time was waited for it, or there was no way in.
fn is_silent(seen: &Seen) -> bool {
    let class = seen.result.as_ref().err().map(|failed| failed.class);
    matches!(
        class,
        Some(Failure::ConnectTimeout | Failure::ReadTimeout | Failure::DnsTimeout | Failure::ApiTunnel)
    )
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::model::route::answer::{Answer, Failed, Timing};

    fn seen(result: Result<Answer, Failed>) -> Option<Seen> {
        Some(Seen {
            result,
            timing: Timing::default(),
            reopened: None,
        })
    }

    fn jobs(count: usize, entries: usize) -> impl ExactSizeIterator<Item = Job> {
        (0..count).map(move |at| Job {
            key: at / entries,
            entry: at % entries,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_under_way_and_no_more_and_each_is_counted_once() {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let send = async |_: Job| {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            tokio::time::sleep(Duration::from_millis(50)).await;
            now.set(now.get() - 1);
            seen(Ok(Answer::default()))
        };
        let pace = Pace {
            concurrency: 3,
            gap: Duration::ZERO,
        };
        let (told, taken) = (RefCell::new(Vec::new()), Cell::new(0));
        let progress = |progress: Progress| told.borrow_mut().push((progress.done, progress.all));
        drive(jobs(10, 2), pace, &progress, send, |_, _| taken.set(taken.get() + 1)).await;
        assert_eq!((most.get(), taken.get()), (3, 10));
        assert_eq!(told.into_inner(), (1..=10).map(|done| (done, 10)).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept_also_after_a_stall() {
        let began = RefCell::new(Vec::new());
        let send = async |job: Job| {
            began.borrow_mut().push(Instant::now());
            // The first one holds everything up for a second.
            let length = if job.key == 0 { 1000 } else { 1 };
            tokio::time::sleep(Duration::from_millis(length)).await;
            seen(Ok(Answer::default()))
        };
        let pace = Pace {
            concurrency: 1,
            gap: Duration::from_millis(100),
        };
        drive(jobs(5, 1), pace, &|_| {}, send, |_, _| {}).await;
        let began = began.into_inner();
        let gaps: Vec<Duration> = began.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(gaps[0] >= Duration::from_secs(1), "{gaps:?}");
        let least = Duration::from_millis(100) - SLACK;
        assert!(
            gaps[1..].iter().all(|gap| *gap >= least),
            "what was missed is not caught up: {gaps:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_that_only_keeps_silent_is_given_up_and_one_that_refuses_is_not() {
        let send = async |job: Job| {
            let class = match job.entry {
                0 => Failure::ReadTimeout,
                _ => Failure::ConnectRefused,
            };
            seen(Err(Failed::new(class, "seen")))
        };
        let pace = Pace {
            concurrency: 1,
            gap: Duration::ZERO,
        };
        let (mut asked, mut left_out) = ([0; 2], [0; 2]);
        drive(jobs(60, 2), pace, &|_| {}, send, |job, seen| match seen {
            Some(_) => asked[job.entry] += 1,
            None => left_out[job.entry] += 1,
        })
        .await;
        assert_eq!((asked, left_out), ([10, 30], [20, 0]));
    }
}
