//! Rounds in which all competitors take turns.

use std::time::Duration;

use indicatif::ProgressBar;

use crate::cases::Case;
use crate::competitors::Competitor;
use crate::operands::Operands;
use crate::peak;
use crate::scalar::Scalar;
use crate::timing;

/// The share of the best peak seen that a round must reach.
const UNDISTURBED: f64 = 0.9;

/// How many rounds there may be for each one asked for, if some are disturbed.
const PATIENCE: usize = 3;

/// What came of one case.
pub struct Measured {
    pub case: Case,
    /// GFLOP/s that the machine was capable of meanwhile.
    pub peak: f64,
    /// GFLOP/s of each competitor; none if its result was wrong. The first is lapidary.
    pub gflops: Vec<Option<f64>>,
}

impl Measured {
    pub fn lapidary(&self) -> Option<f64> {
        self.gflops[0]
    }

    pub fn best_rival(&self) -> Option<f64> {
        self.gflops[1..].iter().flatten().copied().reduce(f64::max)
    }

    /// lapidary's speed over that of a competitor.
    pub fn over(&self, competitor: usize) -> Option<f64> {
        Some(self.lapidary()? / self.gflops[competitor]?)
    }

    /// lapidary's speed over that of the best rival of this case.
    pub fn over_the_best(&self) -> Option<f64> {
        Some(self.lapidary()? / self.best_rival()?)
    }
}

/// Measures cases.
pub struct Bench<'a, T> {
    competitors: &'a [Box<dyn Competitor<T>>],
    threads: usize,
    rounds: usize,
    progress: &'a ProgressBar,
    /// The best peak of any round so far.
    best_peak: f64,
}

/// A case while it is measured.
struct Trial {
    case: Case,
    slot: Duration,
    runners: Vec<Runner>,
    undisturbed: Vec<Round>,
    disturbed: Vec<Round>,
}

/// A competitor whose result was right.
struct Runner {
    competitor: usize,
    /// Calls between two looks at the clock.
    batch: u64,
}

/// One slot of each runner.
struct Round {
    peak: f64,
    gflops: Vec<f64>,
}

impl<'a, T: Scalar> Bench<'a, T> {
    pub fn new(
        competitors: &'a [Box<dyn Competitor<T>>],
        threads: usize,
        rounds: usize,
        progress: &'a ProgressBar,
    ) -> Self {
        Bench { competitors, threads, rounds, progress, best_peak: 0.0 }
    }

    /// Measures each case in slots of the length that comes with it. A round goes through all cases before the next
    /// begins, so that what disturbs the machine for seconds spoils one round of many cases, which their medians
    /// forget, and not all rounds of a few.
    pub fn measure(mut self, cases: Vec<(Duration, Case)>) -> Vec<Measured> {
        let mut trials: Vec<Trial> = cases.into_iter().map(Trial::new).collect();
        self.progress.set_length((trials.len() * self.rounds) as u64);
        for turn in 0..self.rounds * PATIENCE {
            for trial in trials.iter_mut().filter(|trial| trial.undisturbed.len() < self.rounds) {
                self.progress.set_message(trial.case.name.clone());
                let mut operands = Operands::new(trial.case.shape);
                if turn == 0 {
                    self.admit(trial, &mut operands);
                }
                let round = self.round(trial, &mut operands, turn);
                self.best_peak = self.best_peak.max(round.peak);
                if round.peak >= UNDISTURBED * self.best_peak {
                    trial.undisturbed.push(round);
                    self.progress.inc(1);
                } else {
                    trial.disturbed.push(round);
                }
            }
        }
        trials.into_iter().map(|trial| self.result(trial)).collect()
    }

    /// Makes those competitors runners that compute the right result.
    fn admit(&self, trial: &mut Trial, operands: &mut Operands<T>) {
        for (index, competitor) in self.competitors.iter().enumerate() {
            operands.spoil();
            let product = operands.product();
            // SAFETY: the operands are whole matrices, used by nothing else meanwhile.
            unsafe { competitor.multiply(&product) };
            if let Err(error) = operands.check() {
                self.complain(&trial.case, &format!("{} is WRONG, and left out: {error}", competitor.name()));
                continue;
            }
            let product = operands.product();
            // SAFETY: as above.
            let batch = timing::batch(&mut || unsafe { competitor.multiply(&product) }, trial.slot);
            trial.runners.push(Runner { competitor: index, batch });
        }
    }

    /// The peak, then one slot of each runner, beginning with another one each turn.
    fn round(&self, trial: &Trial, operands: &mut Operands<T>, turn: usize) -> Round {
        const PEAK_SLOT: Duration = Duration::from_millis(10);
        let peak = peak::peak::<T>(self.threads, PEAK_SLOT);
        let product = operands.product();
        let count = trial.runners.len();
        let mut gflops = vec![0.0; count];
        for i in (0..count).map(|i| (i + turn) % count) {
            let Runner { competitor, batch } = trial.runners[i];
            // SAFETY: the operands are whole matrices, used by nothing else meanwhile.
            let mut call = || unsafe { self.competitors[competitor].multiply(&product) };
            call(); // warms the caches
            gflops[i] = timing::rate(&mut call, batch, trial.slot) * product.shape.flops() / 1e9;
        }
        Round { peak, gflops }
    }

    /// The medians of the undisturbed rounds.
    fn result(&self, trial: Trial) -> Measured {
        let Trial { case, runners, undisturbed, disturbed, .. } = trial;
        let rounds = if undisturbed.is_empty() {
            self.complain(&case, "the machine was busy in every round: take these figures with care");
            disturbed
        } else {
            undisturbed
        };
        let mut gflops = vec![None; self.competitors.len()];
        for (i, runner) in runners.iter().enumerate() {
            gflops[runner.competitor] = Some(median(rounds.iter().map(|round| round.gflops[i]).collect()));
        }
        let peak = median(rounds.iter().map(|round| round.peak).collect());
        Measured { case, peak, gflops }
    }

    fn complain(&self, case: &Case, what: &str) {
        self.progress.suspend(|| eprintln!("{}: {what}", case.name));
    }
}

impl Trial {
    fn new((slot, case): (Duration, Case)) -> Trial {
        Trial { case, slot, runners: Vec::new(), undisturbed: Vec::new(), disturbed: Vec::new() }
    }
}

/// The middle value, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;
    use crate::competitors;
    use crate::operands::Product;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0]), 3.0);
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![9.0, 1.0, 2.0, 4.0]), 3.0);
    }

    /// Leaves C as it finds it.
    struct Idle;

    impl Competitor<f32> for Idle {
        fn name(&self) -> &str {
            "idle"
        }

        unsafe fn multiply(&self, _product: &Product<f32>) {}
    }

    #[test]
    fn every_competitor_is_right_on_every_kind_of_case_and_a_wrong_one_is_left_out() {
        let mut competitors = competitors::all::<f32>(1).unwrap();
        competitors.push(Box::new(Idle));
        let progress = ProgressBar::hidden();
        let cases = cases::selected(0, "64x784").into_iter().map(|case| (Duration::from_millis(1), case)).collect();
        let results = Bench::new(&competitors, 1, 1, &progress).measure(cases);
        assert_eq!(results.len(), 3);
        for measured in results {
            let (idle, others) = measured.gflops.split_last().unwrap();
            assert!(idle.is_none());
            assert!(others.iter().all(|gflops| gflops.is_some_and(|gflops| gflops > 0.0)));
            assert_eq!(measured.over(0), Some(1.0));
        }
    }
}
