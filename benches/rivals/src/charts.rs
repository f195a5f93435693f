//! The charts.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use crate::canvas::{self, Canvas, Chart, Entry, FAINT, INK, MUTED, Marker, colour};
use crate::cases::Suite;
use crate::measure::Measured;
use crate::report::{Results, geometric_mean};

type Drawn = Result<(), Box<dyn Error>>;

/// Axes of numbers, over what is left of the canvas.
type Axes<'a, DB> = ChartContext<'a, DB, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Every chart that there are figures for.
pub fn write_all(results: &Results, directory: &Path) -> Drawn {
    canvas::register_fonts()?;
    let caption = results.host.caption();
    let any = |suite| results.of(suite).next().is_some();
    if any(Suite::Squares) {
        canvas::write(&Squares(results), &caption, directory)?;
    }
    if any(Suite::Layers) {
        canvas::write(&Layers(results), &caption, directory)?;
    }
    if any(Suite::Squares) || any(Suite::Layers) {
        canvas::write(&Roofline(results), &caption, directory)?;
    }
    if any(Suite::EverySize) {
        canvas::write(&EverySize(results), &caption, directory)?;
    }
    Ok(())
}

/// GFLOP/s over size.
struct Squares<'a>(&'a Results);

impl Chart for Squares<'_> {
    const NAME: &'static str = "squares";

    fn title(&self) -> &str {
        "C = A·B, square matrices"
    }

    fn legend(&self) -> Vec<Entry> {
        competitors(self.0, |_| true)
    }

    fn plot<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Drawn
    where
        DB::ErrorType: 'static,
    {
        let sizes = extent(self.0.of(Suite::Squares).map(side));
        let (x, y) = (sizes.start.log2() - 0.1..sizes.end.log2() + 0.1, speeds(self.0, Suite::Squares));
        let mut axes = axes(canvas, Axis::of_powers(SIDE, x.clone()), Axis::new(SPEED, y))?;
        peak_line(canvas, &mut axes, x, peak_of(self.0, Suite::Squares), |peak| peak)?;
        for competitor in (0..self.0.competitors.len()).rev() {
            let points = curve(self.0, Suite::Squares, competitor, f64::log2);
            line(canvas, &mut axes, competitor, &points, 3)?;
            for point in points {
                canvas.marker(
                    Marker::of(competitor),
                    radius(competitor),
                    colour(competitor),
                    axes.backend_coord(&point),
                )?;
            }
        }
        Ok(())
    }
}

/// GFLOP/s over every size: lapidary and the two rivals that are fastest on the whole, since more lines hide each other.
struct EverySize<'a>(&'a Results);

impl EverySize<'_> {
    fn shown(&self) -> Vec<usize> {
        let mean = |rival| {
            geometric_mean(self.0.of(Suite::EverySize).filter_map(|measured| measured.gflops[rival])).unwrap_or(0.0)
        };
        let mut rivals: Vec<usize> = (1..self.0.competitors.len()).collect();
        rivals.sort_by(|&left, &right| mean(right).total_cmp(&mean(left)));
        rivals.truncate(2);
        rivals.insert(0, 0);
        rivals
    }
}

impl Chart for EverySize<'_> {
    const NAME: &'static str = "every-size";

    fn title(&self) -> &str {
        "C = A·B, square matrices of every size"
    }

    fn legend(&self) -> Vec<Entry> {
        let shown = self.shown();
        unmarked(competitors(self.0, |competitor| shown.contains(&competitor)))
    }

    fn plot<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Drawn
    where
        DB::ErrorType: 'static,
    {
        let Range { start, end } = extent(self.0.of(Suite::EverySize).map(side));
        let (x, y) = (start - 1.0..end + 1.0, speeds(self.0, Suite::EverySize));
        let mut axes = axes(canvas, Axis::new(SIDE, x.clone()), Axis::new(SPEED, y))?;
        peak_line(canvas, &mut axes, x, peak_of(self.0, Suite::EverySize), |peak| peak)?;
        for competitor in self.shown().into_iter().rev() {
            line(canvas, &mut axes, competitor, &curve(self.0, Suite::EverySize, competitor, |d| d), 2)?;
        }
        Ok(())
    }
}

/// Bars of every competitor for each product of each layer.
struct Layers<'a>(&'a Results);

impl Layers<'_> {
    /// The cases with the place of each on the x axis, those of a layer together: (left edge, case).
    fn placed(&self) -> Vec<(f64, &Measured)> {
        let (mut x, mut last) = (-0.5, "");
        let place = |measured| {
            let (layer, _) = layer_and_product(measured);
            x += if layer == last { 1.0 } else { 1.5 };
            last = layer;
            (x, measured)
        };
        self.0.of(Suite::Layers).map(place).collect()
    }
}

impl Chart for Layers<'_> {
    const NAME: &'static str = "layers";

    fn title(&self) -> &str {
        "Linear layers, batch×inputs×outputs: Y = X·W, dW = Xᵀ·G, dX = G·Wᵀ"
    }

    fn legend(&self) -> Vec<Entry> {
        unmarked(competitors(self.0, |_| true))
    }

    fn plot<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Drawn
    where
        DB::ErrorType: 'static,
    {
        const BARS: Range<f64> = 0.08..0.92; // of the place of a case
        let placed = self.placed();
        let x = 0.5..placed.last().map_or(1.0, |(left, _)| left + 1.5);
        let mut axes = axes(canvas, Axis::new("", x.clone()), Axis::new(SPEED, speeds(self.0, Suite::Layers)))?;
        let width = (BARS.end - BARS.start) / self.0.competitors.len() as f64;
        for (left, measured) in &placed {
            for (competitor, gflops) in measured.gflops.iter().enumerate() {
                let from = left + BARS.start + width * competitor as f64;
                let corners = [(from, 0.0), (from + 0.9 * width, gflops.unwrap_or(0.0))];
                axes.draw_series([Rectangle::new(corners, colour(competitor).filled())])?;
            }
        }
        peak_line(canvas, &mut axes, x, peak_of(self.0, Suite::Layers), |peak| peak)?;

        // A product under its bars; a layer under the middle of its products.
        let write_below = |text: &str, x: f64, lines: u32| {
            let (x, y) = axes.backend_coord(&(x, 0.0));
            canvas.text(text, canvas.font(28, INK), HPos::Center, (x, y + canvas.px(32 * lines)))
        };
        let layer = |measured| layer_and_product(measured).0;
        for products in placed.chunk_by(|(_, one), (_, other)| layer(one) == layer(other)) {
            for (left, measured) in products {
                write_below(layer_and_product(measured).1, left + 0.5, 1)?;
            }
            let (first, measured) = products[0];
            write_below(layer(measured), first + products.len() as f64 / 2.0, 2)?;
        }
        Ok(())
    }
}

/// The two words of the name of a layer's case.
fn layer_and_product(measured: &Measured) -> (&str, &str) {
    measured.case.name.split_once(' ').unwrap_or((&measured.case.name, ""))
}

/// GFLOP/s over arithmetic intensity, under what memory and arithmetic allow.
struct Roofline<'a>(&'a Results);

impl Roofline<'_> {
    fn cases(&self) -> impl Iterator<Item = &Measured> {
        self.0.of(Suite::Squares).chain(self.0.of(Suite::Layers))
    }

    /// FLOP for each byte of A, B and C.
    fn intensity(&self, measured: &Measured) -> f64 {
        let size = if self.0.host.dtype == "f32" { 4.0 } else { 8.0 };
        measured.case.shape.flops() / (size * measured.case.shape.elements() as f64)
    }

    /// Logarithms of the intensity and the speed of each case of a suite.
    fn points(&self, suite: Suite, speed: impl Fn(&Measured) -> Option<f64>) -> Vec<(f64, f64)> {
        self.0
            .of(suite)
            .filter_map(|measured| Some((self.intensity(measured).log2(), speed(measured)?.log2())))
            .collect()
    }
}

impl Chart for Roofline<'_> {
    const NAME: &'static str = "roofline";

    fn title(&self) -> &str {
        "Roofline: every square and layer under the peak and the bandwidths"
    }

    fn legend(&self) -> Vec<Entry> {
        let entry = |label: &str, colour, marker| Entry { label: label.into(), colour, marker };
        vec![
            entry("lapidary, squares", colour(0), Marker::Disc),
            entry("lapidary, layers", colour(0), Marker::Triangle),
            entry("best rival, squares", colour(1), Marker::Disc),
            entry("best rival, layers", colour(1), Marker::Triangle),
        ]
    }

    fn plot<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Drawn
    where
        DB::ErrorType: 'static,
    {
        let peak = self.0.host.peak.log2();
        let intensities = extent(self.cases().map(|measured| self.intensity(measured).log2()));
        let x = intensities.start - 1.5..intensities.end + 0.3; // room for the names of the roofs
        let shown = self.cases().flat_map(|measured| [measured.lapidary(), measured.best_rival()]).flatten();
        let speeds = extent(shown.map(f64::log2));
        let y = speeds.start.floor()..speeds.end.max(peak) + 0.4;
        let intensity = Axis::of_powers("FLOP for each byte of A, B and C", x.clone());
        let mut axes = axes(canvas, intensity, Axis::of_powers(SPEED, y.clone()))?;

        let mut flat_from = x.end;
        for (i, roof) in self.0.host.roofs.iter().enumerate() {
            // GFLOP/s = GB/s · FLOP/B: in logarithms, a line of slope 1 until the peak.
            let bandwidth = roof.bandwidth.log2();
            let from = x.start.max(y.start - bandwidth);
            let ridge = (peak - bandwidth).min(x.end);
            flat_from = flat_from.min(ridge);
            axes.draw_series(LineSeries::new([from, ridge].map(|x| (x, x + bandwidth)), canvas.stroke(MUTED, 3)))?;
            let at = from + 0.5 + 0.1 * i as f64; // apart from the name of the roof beside it
            let text = format!("{} {:.0} GB/s", roof.level, roof.bandwidth);
            canvas.label(&text, canvas.font(28, INK), axes.backend_coord(&(at, at + bandwidth)))?;
        }
        peak_line(canvas, &mut axes, flat_from..x.end, self.0.host.peak, f64::log2)?;

        for (suite, marker) in [(Suite::Squares, Marker::Disc), (Suite::Layers, Marker::Triangle)] {
            let theirs = self.points(suite, Measured::best_rival);
            let ours = self.points(suite, Measured::lapidary);
            for (competitor, point) in theirs.iter().map(|point| (1, point)).chain(ours.iter().map(|point| (0, point)))
            {
                canvas.marker(marker, radius(competitor), colour(competitor), axes.backend_coord(point))?;
            }
        }
        Ok(())
    }
}

const SIDE: &str = "rows = columns = depth";
const SPEED: &str = "GFLOP/s";

struct Axis {
    /// An axis without a name has no marks either: the chart sets its own.
    name: &'static str,
    range: Range<f64>,
    /// How many marks there may be.
    marks: usize,
    write: fn(&f64) -> String,
}

impl Axis {
    fn new(name: &'static str, range: Range<f64>) -> Axis {
        Axis { name, range, marks: 10, write: |value| value.to_string() }
    }

    /// For logarithms to the base of two: a mark at each power.
    fn of_powers(name: &'static str, range: Range<f64>) -> Axis {
        let marks = (range.end.floor() - range.start.ceil()) as usize + 1;
        Axis { name, range, marks, write: |exponent| exponent.exp2().to_string() }
    }
}

/// Axes with a grid.
fn axes<'a, DB: DrawingBackend + 'a>(canvas: &Canvas<DB>, x: Axis, y: Axis) -> Result<Axes<'a, DB>, Box<dyn Error>>
where
    DB::ErrorType: 'static,
{
    let mut axes = ChartBuilder::on(&canvas.below_heading())
        .margin_left(canvas.px(50)) // half the height of the axis's name would be cut off
        .margin_right(canvas.px(40))
        .margin_bottom(canvas.px(20))
        .x_label_area_size(canvas.px(100))
        .y_label_area_size(canvas.px(110))
        .build_cartesian_2d(x.range, y.range)?;
    let mut mesh = axes.configure_mesh();
    if x.name.is_empty() {
        mesh.disable_x_mesh().disable_x_axis();
    }
    mesh.x_desc(x.name)
        .x_label_formatter(&x.write)
        .x_labels(x.marks)
        .y_desc(y.name)
        .y_label_formatter(&y.write)
        .y_labels(y.marks)
        .label_style(canvas.font(28, INK))
        .axis_desc_style(canvas.font(32, INK))
        .axis_style(canvas.stroke(MUTED, 2))
        .bold_line_style(canvas.stroke(FAINT, 2))
        .light_line_style(TRANSPARENT)
        .draw()?;
    Ok(axes)
}

/// The peak, and what it is, above its right end. `place` tells where GFLOP/s lie on the y axis.
fn peak_line<DB: DrawingBackend>(
    canvas: &Canvas<DB>,
    axes: &mut Axes<'_, DB>,
    x: Range<f64>,
    peak: f64,
    place: fn(f64) -> f64,
) -> Drawn
where
    DB::ErrorType: 'static,
{
    let y = place(peak);
    let (dash, gap) = (canvas.px(14), canvas.px(10));
    axes.draw_series(DashedLineSeries::new([(x.start, y), (x.end, y)], dash, gap, canvas.stroke(INK, 3)))?;
    let (right, height) = axes.backend_coord(&(x.end, y));
    let text = format!("peak {peak:.0} GFLOP/s");
    canvas.text(&text, canvas.font(28, INK), HPos::Right, (right - canvas.px(8), height - canvas.px(24)))
}

/// lapidary's line is twice as wide as its rivals'.
fn line<DB: DrawingBackend>(
    canvas: &Canvas<DB>,
    axes: &mut Axes<'_, DB>,
    competitor: usize,
    points: &[(f64, f64)],
    width: u32,
) -> Drawn
where
    DB::ErrorType: 'static,
{
    let width = if competitor == 0 { 2 * width } else { width };
    axes.draw_series(LineSeries::new(points.iter().copied(), canvas.stroke(colour(competitor), width)))?;
    Ok(())
}

/// lapidary's markers are larger than its rivals'.
fn radius(competitor: usize) -> u32 {
    if competitor == 0 { 12 } else { 9 }
}

fn competitors(results: &Results, shown: impl Fn(usize) -> bool) -> Vec<Entry> {
    let entry = |(i, name): (usize, &String)| Entry { label: name.clone(), colour: colour(i), marker: Marker::of(i) };
    results.competitors.iter().enumerate().filter(|&(i, _)| shown(i)).map(entry).collect()
}

/// For charts without markers: squares of the colours.
fn unmarked(entries: Vec<Entry>) -> Vec<Entry> {
    entries.into_iter().map(|entry| Entry { marker: Marker::Square, ..entry }).collect()
}

/// A competitor's speed over size.
fn curve(results: &Results, suite: Suite, competitor: usize, place: fn(f64) -> f64) -> Vec<(f64, f64)> {
    results.of(suite).filter_map(|measured| Some((place(side(measured)), measured.gflops[competitor]?))).collect()
}

fn side(measured: &Measured) -> f64 {
    measured.case.shape.m as f64
}

/// The axis of GFLOP/s: from nothing to somewhat more than anything reached.
fn speeds(results: &Results, suite: Suite) -> Range<f64> {
    let fastest = results.of(suite).flat_map(|measured| &measured.gflops).flatten().copied().fold(0.0, f64::max);
    0.0..fastest.max(peak_of(results, suite)) * 1.08
}

/// The peak as it was while the suite ran.
fn peak_of(results: &Results, suite: Suite) -> f64 {
    geometric_mean(results.of(suite).map(|measured| measured.peak)).unwrap_or(results.host.peak)
}

/// The least and the greatest of some numbers.
fn extent(numbers: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    low..high
}
