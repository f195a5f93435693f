//! The figures as text: a table, geometric means, and a file for other programs.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use crate::cases::Suite;
use crate::host::Host;
use crate::measure::Measured;

/// Everything that was measured.
pub struct Results {
    pub host: Host,
    /// Names; the first is lapidary.
    pub competitors: Vec<String>,
    pub cases: Vec<Measured>,
}

impl Results {
    pub fn of(&self, suite: Suite) -> impl Iterator<Item = &Measured> + Clone {
        self.cases.iter().filter(move |measured| measured.case.suite == suite)
    }
}

/// What n values have to be each for the same product; none of no values.
pub fn geometric_mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (count, logarithms) = values.into_iter().fold((0, 0.0), |(count, sum), value| (count + 1, sum + value.ln()));
    (count > 0).then(|| (logarithms / f64::from(count)).exp())
}

/// A line a case: GFLOP/s, the share of the peak, and lapidary's speed over each rival's. Every size would be too many.
pub fn table(results: &Results) -> String {
    let rivals = &results.competitors[1..];
    let mut text = format!("\n{:20}{:>10}{:>9}", "GFLOP/s", "lapidary", "of peak");
    for rival in rivals {
        let width = rival_width(rival);
        let _ = write!(text, "{rival:>width$}");
    }
    for measured in results.cases.iter().filter(|measured| measured.case.suite != Suite::EverySize) {
        let share = measured.lapidary().map(|gflops| gflops / measured.peak * 100.0);
        let _ = write!(text, "\n{:20}{:>10}{:>9}", measured.case.name, cell(measured.lapidary(), 2), percent(share));
        for (index, rival) in rivals.iter().enumerate().map(|(i, rival)| (i + 1, rival)) {
            let width = rival_width(rival) - 8;
            let ratio = measured.over(index).map_or(String::new(), |ratio| format!("({ratio:.2})"));
            let _ = write!(text, "{:>width$}{ratio:>8}", cell(measured.gflops[index], 2));
        }
    }
    text + "\n\nIn brackets: lapidary's speed over the rival's; above 1, lapidary is faster.\n"
}

/// A column takes "123.45  (1.23)" and the name above it.
fn rival_width(name: &str) -> usize {
    name.chars().count().max(15) + 2
}

/// Geometric means of lapidary's speed over each rival's, suite by suite.
pub fn summary(results: &Results) -> String {
    let suites: Vec<Suite> = Suite::ALL.into_iter().filter(|&suite| results.of(suite).next().is_some()).collect();
    let mut text = String::new();
    let mut line = |name: &str, cell: &dyn Fn(Suite) -> String| {
        let _ = write!(text, "\n{name:32}");
        for &suite in &suites {
            let _ = write!(text, "{:>14}", cell(suite));
        }
    };
    line("lapidary over", &|suite| suite.name().into());
    for (index, name) in results.competitors.iter().enumerate().skip(1) {
        line(name, &|suite| cell(geometric_mean(results.of(suite).filter_map(|measured| measured.over(index))), 2));
    }
    line("the best rival of each case", &|suite| {
        cell(geometric_mean(results.of(suite).filter_map(Measured::over_the_best)), 2)
    });
    line("cases ahead of every rival", &|suite| {
        let ahead = results.of(suite).filter(|measured| measured.over_the_best().is_some_and(|ratio| ratio > 1.0));
        format!("{} of {}", ahead.count(), results.of(suite).count())
    });
    text + "\n"
}

fn cell(value: Option<f64>, digits: usize) -> String {
    value.map_or("–".into(), |value| format!("{value:.digits$}"))
}

fn percent(value: Option<f64>) -> String {
    cell(value, 0) + " %"
}

/// A line for each case and competitor. No speed stands where the result was wrong.
pub fn write_csv(results: &Results, path: &Path) -> io::Result<()> {
    let mut text = String::from("suite,case,layout,m,n,k,dtype,threads,competitor,gflops,peak_gflops\n");
    let Host { dtype, threads, .. } = results.host;
    for Measured { case, peak, gflops, .. } in &results.cases {
        for (competitor, gflops) in results.competitors.iter().zip(gflops) {
            let (shape, suite) = (case.shape, case.suite.name());
            let gflops = gflops.map_or(String::new(), |gflops| format!("{gflops:.4}"));
            let _ = writeln!(
                text,
                "{suite},{},{:?},{},{},{},{dtype},{threads},{competitor:?},{gflops},{peak:.4}",
                case.name, shape.layout, shape.m, shape.n, shape.k
            );
        }
    }
    std::fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_geometric_mean_is_that_of_ratios() {
        assert_eq!(geometric_mean([]), None);
        assert!((geometric_mean([4.0]).unwrap() - 4.0).abs() < 1e-12);
        assert!((geometric_mean([2.0, 0.5]).unwrap() - 1.0).abs() < 1e-12);
        assert!((geometric_mean([1.0, 10.0, 100.0]).unwrap() - 10.0).abs() < 1e-12);
    }
}
