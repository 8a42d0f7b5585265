//! Welch's t of two classes of times: how far apart their means are, in terms of how sure each is.

/// The mean and the sum of squared distances from it, of times that come one by one (Welford).
#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, time: f64) {
        self.count += 1.0;
        let distance = time - self.mean;
        self.mean += distance / self.count;
        self.squares += distance * (time - self.mean);
    }

    /// The square of the error of the mean.
    fn error(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }
}

/// The largest |t| of all times, and of those below each of some percentiles of both classes together.
pub fn largest_t(times: &[(bool, u64)]) -> f64 {
    let mut sorted: Vec<u64> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_unstable();
    let percentile = |per_mille: usize| sorted[(sorted.len() - 1) * per_mille / 1000];
    let t = |per_mille| t_below(times, percentile(per_mille));
    [500, 700, 800, 900, 950, 980, 990, 999, 1000].into_iter().map(t).fold(0.0, f64::max)
}

fn t_below(times: &[(bool, u64)], limit: u64) -> f64 {
    let mut classes = [Moments::default(); 2];
    for (class, time) in times.iter().filter(|(_, time)| *time <= limit) {
        classes[usize::from(*class)].add(*time as f64);
    }
    let [a, b] = classes;
    // What was cut off to so few says nothing.
    if a.count < 1000.0 || b.count < 1000.0 {
        return 0.0;
    }
    let error = (a.error() + b.error()).sqrt();
    if error == 0.0 { 0.0 } else { (a.mean - b.mean).abs() / error }
}
