//! What all charts share: size, text, colours, a heading with a legend, and how they become files.

use std::error::Error;
use std::f64::consts::TAU;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Width and height of every chart, in pixels; lengths elsewhere are in these pixels too.
const SIZE: (u32, u32) = (2000, 1200);

/// Height of title, caption and legend.
const HEADING: u32 = 190;

/// A PNG is drawn so many times larger and averaged: the bitmap backend does not smooth what is wider than a hair.
const OVERSAMPLING: u32 = 2;

pub const INK: RGBColor = RGBColor(40, 40, 40);
pub const FAINT: RGBColor = RGBColor(225, 225, 225);
pub const MUTED: RGBColor = RGBColor(110, 110, 110);

/// Vermilion, and for the rivals what is left of a palette that the colour-blind can tell apart (Okabe and Ito, 2008).
const LAPIDARY: RGBColor = RGBColor(213, 94, 0);
const RIVALS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(120, 120, 120),
    RGBColor(240, 200, 40),
    RGBColor(0, 0, 0),
];

/// The colour of a competitor in every chart.
pub fn colour(competitor: usize) -> RGBColor {
    competitor.checked_sub(1).map_or(LAPIDARY, |rival| RIVALS[rival % RIVALS.len()])
}

/// A regular polygon by its corners: a shape tells what a colour may not.
#[derive(Clone, Copy)]
pub enum Marker {
    Triangle,
    Diamond,
    Square,
    Disc,
}

impl Marker {
    /// The marker of a competitor in every chart.
    pub fn of(competitor: usize) -> Marker {
        [Marker::Disc, Marker::Square, Marker::Triangle, Marker::Diamond][competitor % 4]
    }

    /// Corners around the origin, on a circle that makes all markers look as large.
    fn corners(self, radius: i32) -> Vec<(i32, i32)> {
        let (corners, turn, growth) = match self {
            Marker::Triangle => (3, -0.25, 1.3),
            Marker::Diamond => (4, 0.0, 1.25),
            Marker::Square => (4, 0.125, 1.25),
            Marker::Disc => (24, 0.0, 1.0),
        };
        let radius = growth * f64::from(radius);
        let corner = |i| {
            let angle = TAU * (f64::from(i) / f64::from(corners) + turn);
            ((radius * angle.cos()).round() as i32, (radius * angle.sin()).round() as i32)
        };
        (0..corners).map(corner).collect()
    }
}

/// One entry of a legend.
pub struct Entry {
    pub label: String,
    pub colour: RGBColor,
    pub marker: Marker,
}

/// A chart without its heading.
pub trait Chart {
    /// The name of its files.
    const NAME: &'static str;

    fn title(&self) -> &str;

    fn legend(&self) -> Vec<Entry>;

    /// Draws into what the heading leaves.
    fn plot<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<(), Box<dyn Error>>
    where
        DB::ErrorType: 'static;
}

/// Where a chart is drawn.
pub struct Canvas<DB: DrawingBackend> {
    area: DrawingArea<DB, Shift>,
    scale: u32,
}

/// A place on the whole canvas, in pixels of the backend.
type Pixel = (i32, i32);

impl<DB: DrawingBackend> Canvas<DB>
where
    DB::ErrorType: 'static,
{
    /// A length in pixels of the backend.
    pub fn px(&self, length: u32) -> i32 {
        (length * self.scale) as i32
    }

    /// What the heading leaves.
    pub fn below_heading(&self) -> DrawingArea<DB, Shift> {
        self.area.split_vertically(self.px(HEADING)).1
    }

    pub fn font(&self, size: u32, colour: RGBColor) -> TextStyle<'static> {
        ("sans-serif", self.px(size)).into_font().color(&colour)
    }

    pub fn stroke(&self, colour: RGBColor, width: u32) -> ShapeStyle {
        colour.stroke_width(width * self.scale)
    }

    /// Writes text with its left end, middle or right end at a place.
    pub fn text(&self, text: &str, style: TextStyle, side: HPos, at: Pixel) -> Result<(), Box<dyn Error>> {
        Ok(self.area.draw_text(text, &style.pos(Pos::new(side, VPos::Center)), at)?)
    }

    /// Writes text with its middle at a place, on a white ground.
    pub fn label(&self, text: &str, style: TextStyle, (x, y): Pixel) -> Result<(), Box<dyn Error>> {
        let width = self.area.estimate_text_size(text, &style)?.0 as i32;
        let (dx, dy) = (width / 2, self.px(13));
        self.area.draw(&Rectangle::new([(x - dx, y - dy), (x + dx, y + dy)], WHITE.filled()))?;
        self.text(text, style, HPos::Center, (x, y))
    }

    pub fn marker(&self, marker: Marker, radius: u32, colour: RGBColor, at: Pixel) -> Result<(), Box<dyn Error>> {
        let corners: Vec<_> = marker.corners(self.px(radius)).iter().map(|(x, y)| (at.0 + x, at.1 + y)).collect();
        Ok(self.area.draw(&Polygon::new(corners, colour.filled()))?)
    }

    /// Title, caption and legend.
    fn heading(&self, chart: &impl Chart, caption: &str) -> Result<(), Box<dyn Error>> {
        let left = self.px(50);
        let title = ("sans-serif", self.px(48), FontStyle::Bold).into_font().color(&INK);
        self.text(chart.title(), title, HPos::Left, (left, self.px(52)))?;
        self.text(caption, self.font(32, MUTED), HPos::Left, (left, self.px(106)))?;

        let style = self.font(32, INK);
        let (mut x, y) = (left + self.px(12), self.px(160));
        for Entry { label, colour, marker } in chart.legend() {
            self.marker(marker, 12, colour, (x, y))?;
            // Lower than its middle: the bitmap backend sets text somewhat high.
            self.text(&label, style.clone(), HPos::Left, (x + self.px(24), y + self.px(3)))?;
            x += self.area.estimate_text_size(&label, &style)?.0 as i32 + self.px(72);
        }
        Ok(())
    }
}

/// Draws a chart as SVG and as PNG.
pub fn write<C: Chart>(chart: &C, caption: &str, directory: &Path) -> Result<(), Box<dyn Error>> {
    let path = directory.join(C::NAME);
    let svg = path.with_extension("svg");
    draw(chart, caption, SVGBackend::new(&svg, SIZE), 1)?;

    let (width, height) = (SIZE.0 * OVERSAMPLING, SIZE.1 * OVERSAMPLING);
    let mut pixels = vec![0; (3 * width * height) as usize];
    draw(chart, caption, BitMapBackend::with_buffer(&mut pixels, (width, height)), OVERSAMPLING)?;
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path.with_extension("png"))?), SIZE.0, SIZE.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header()?.write_image_data(&averaged(&pixels, width as usize))?;
    Ok(())
}

fn draw<C: Chart, DB: DrawingBackend>(chart: &C, caption: &str, backend: DB, scale: u32) -> Result<(), Box<dyn Error>>
where
    DB::ErrorType: 'static,
{
    let area = backend.into_drawing_area();
    area.fill(&WHITE)?;
    let canvas = Canvas { area: area.clone(), scale };
    canvas.heading(chart, caption)?;
    chart.plot(&canvas)?;
    Ok(area.present()?)
}

/// Each pixel the mean of a square of them.
fn averaged(pixels: &[u8], width: usize) -> Vec<u8> {
    let side = OVERSAMPLING as usize;
    let mut result = Vec::with_capacity(pixels.len() / (side * side));
    for rows in pixels.chunks_exact(3 * width * side) {
        for x in 0..width / side {
            for channel in 0..3 {
                let square =
                    (0..side).flat_map(|dy| (0..side).map(move |dx| (dy * width + x * side + dx) * 3 + channel));
                let sum: usize = square.map(|i| usize::from(rows[i])).sum();
                result.push((sum / (side * side)) as u8);
            }
        }
    }
    result
}

/// Makes "sans-serif" known to what draws PNGs and measures text.
pub fn register_fonts() -> Result<(), Box<dyn Error>> {
    let broken = |_| "the font of the crate dejavu cannot be read";
    register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular()).map_err(broken)?;
    register_font("sans-serif", FontStyle::Bold, dejavu::sans::bold()).map_err(broken)?;
    Ok(())
}
