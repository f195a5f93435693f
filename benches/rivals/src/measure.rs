//! Rounds in which all competitors take turns.

use std::time::Duration;

use crate::cases::Case;
use crate::competitors::Competitor;
use crate::operands::Operands;
use crate::peak;
use crate::scalar::Scalar;
use crate::timing;

/// The share of the best peak seen that a round must reach.
const UNDISTURBED: f64 = 0.9;

/// How often a round that was disturbed is repeated, at most, in rounds asked for.
const PATIENCE: usize = 3;

/// What came of one case.
pub struct Measured {
    pub case: Case,
    /// GFLOP/s that the machine was capable of meanwhile.
    pub peak: f64,
    /// GFLOP/s of each competitor; none if its result was wrong. The first is lapidary.
    pub gflops: Vec<Option<f64>>,
    /// What a reader of the figures should know.
    pub complaints: Vec<String>,
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

/// Measures case after case.
pub struct Bench<'a, T> {
    competitors: &'a [Box<dyn Competitor<T>>],
    threads: usize,
    rounds: usize,
    /// The best peak of any round so far.
    best_peak: f64,
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
    pub fn new(competitors: &'a [Box<dyn Competitor<T>>], threads: usize, rounds: usize) -> Self {
        Bench { competitors, threads, rounds, best_peak: 0.0 }
    }

    pub fn measure(&mut self, case: Case, slot: Duration) -> Measured {
        let mut operands = Operands::new(case.shape);
        let mut complaints = Vec::new();
        let mut runners = Vec::new();
        for (index, competitor) in self.competitors.iter().enumerate() {
            match admit(competitor.as_ref(), &mut operands, slot) {
                Ok(batch) => runners.push(Runner { competitor: index, batch }),
                Err(error) => complaints.push(format!("{} is WRONG: {error}", competitor.name())),
            }
        }

        let (rounds, quiet) = self.undisturbed_rounds(&mut operands, &runners, slot);
        if !quiet {
            complaints.push("the machine was busy in every round: take these figures with care".into());
        }
        let mut gflops = vec![None; self.competitors.len()];
        for (i, runner) in runners.iter().enumerate() {
            gflops[runner.competitor] = Some(median(rounds.iter().map(|round| round.gflops[i]).collect()));
        }
        let peak = median(rounds.iter().map(|round| round.peak).collect());
        Measured { case, peak, gflops, complaints }
    }

    /// As many rounds as asked for in which the peak was as high as ever; if there are none at all, the others, and
    /// false.
    fn undisturbed_rounds(
        &mut self,
        operands: &mut Operands<T>,
        runners: &[Runner],
        slot: Duration,
    ) -> (Vec<Round>, bool) {
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for turn in 0..self.rounds * PATIENCE {
            let round = self.round(operands, runners, slot, turn);
            self.best_peak = self.best_peak.max(round.peak);
            let undisturbed = round.peak >= UNDISTURBED * self.best_peak;
            if undisturbed { &mut kept } else { &mut dropped }.push(round);
            if kept.len() == self.rounds {
                break;
            }
        }
        if kept.is_empty() { (dropped, false) } else { (kept, true) }
    }

    /// The peak, then one slot of each runner, beginning with another one each turn.
    fn round(&self, operands: &mut Operands<T>, runners: &[Runner], slot: Duration, turn: usize) -> Round {
        const PEAK_SLOT: Duration = Duration::from_millis(10);
        let peak = peak::peak::<T>(self.threads, PEAK_SLOT);
        let mut gflops = vec![0.0; runners.len()];
        for i in (0..runners.len()).map(|i| (i + turn) % runners.len()) {
            let competitor = self.competitors[runners[i].competitor].as_ref();
            let product = operands.product();
            // SAFETY: the operands are whole matrices, used by nothing else meanwhile.
            let calls = timing::rate(&mut || unsafe { competitor.multiply(&product) }, runners[i].batch, slot);
            gflops[i] = calls * product.shape.flops() / 1e9;
        }
        Round { peak, gflops }
    }
}

/// How many calls to make at once, if the result is right.
fn admit<T: Scalar>(competitor: &dyn Competitor<T>, operands: &mut Operands<T>, slot: Duration) -> Result<u64, String> {
    operands.spoil();
    let product = operands.product();
    // SAFETY: the operands are whole matrices, used by nothing else meanwhile.
    unsafe { competitor.multiply(&product) };
    operands.check()?;
    let product = operands.product();
    // SAFETY: as above.
    Ok(timing::batch(&mut || unsafe { competitor.multiply(&product) }, slot))
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
        let mut bench = Bench::new(&competitors, 1, 1);
        for case in cases::selected(0, "64x784") {
            let measured = bench.measure(case, Duration::from_millis(1));
            let (idle, others) = measured.gflops.split_last().unwrap();
            assert!(idle.is_none());
            assert!(others.iter().all(|gflops| gflops.is_some_and(|gflops| gflops > 0.0)));
            assert!(measured.complaints.iter().any(|complaint| complaint.starts_with("idle is WRONG")));
            assert_eq!(measured.over(0), Some(1.0));
        }
    }
}
