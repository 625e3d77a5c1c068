//! Many plays at a time: as many threads as there are processors, with the stack that an operation takes unoptimized.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, available_parallelism, scope};

const STACK: usize = 16 * 1024 * 1024;

/// Does all of it, and gives what came of it in the same order.
pub fn all<Job: Sync, Done: Send>(jobs: &[Job], work: impl Fn(&Job) -> Done + Sync) -> Vec<Done> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let threads = available_parallelism().map_or(2, usize::from).min(jobs.len());
    scope(|scope| {
        for _ in 0..threads {
            let worker = || {
                while let Some((at, job)) = jobs.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
                    let came = work(job);
                    done.lock().unwrap().push((at, came));
                }
            };
            Builder::new().stack_size(STACK).spawn_scoped(scope, worker).unwrap();
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, came)| came).collect()
}

/// One of it.
pub fn one<Done: Send>(work: impl Fn() -> Done + Sync) -> Done {
    all(&[()], |()| work()).pop().unwrap()
}
