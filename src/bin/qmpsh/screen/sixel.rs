//! A picture for terminals with sixel graphics.
//!
//! Source: "Sixel Graphics" in the VT330/VT340 programmer reference manual.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::picture::Picture;

/// How many colors there can be.
const COLORS: usize = 256;

/// The rows of a band.
const BAND: usize = 6;

type Color = [u8; 3];

/// Returns what shows the picture where the cursor is.
pub(crate) fn draw(picture: &Picture) -> String {
    let (palette, numbers) = reduced(picture);
    let mut out = format!("\x1bPq\"1;1;{};{}", picture.width, picture.height);
    // Writing to memory cannot fail.
    for (number, color) in palette.iter().enumerate() {
        let [red, green, blue] = color.map(|value| (usize::from(value) * 100 + 127) / 255);
        let _ = write!(out, "#{number};2;{red};{green};{blue}");
    }
    for band in numbers.chunks(picture.width * BAND) {
        // The columns of each color, a bit for each row.
        let mut columns: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        for (at, number) in band.iter().enumerate() {
            let columns = columns.entry(*number).or_insert_with(|| vec![0; picture.width]);
            columns[at % picture.width] |= 1 << (at / picture.width);
        }
        for (number, columns) in columns {
            let _ = write!(out, "#{number}");
            for same in columns.chunk_by(|a, b| a == b) {
                let sixel = char::from(b'?' + same[0]);
                let _ = match same.len() {
                    1..4 => write!(out, "{}", sixel.to_string().repeat(same.len())),
                    count => write!(out, "!{count}{sixel}"),
                };
            }
            out.push('$');
        }
        out.push('-');
    }
    out + "\x1b\\\n"
}

/// Colors of which one stands for all, with the number of their pixels.
struct Group {
    colors: Vec<(Color, usize)>,
    /// The difference of the channel that differs most, and that channel.
    width: (u8, usize),
}

impl Group {
    fn new(colors: Vec<(Color, usize)>) -> Self {
        let values = |n: usize| colors.iter().map(move |(color, _)| color[n]);
        let width = |n: usize| values(n).max().unwrap_or_default() - values(n).min().unwrap_or_default();
        let width = (0..3).map(|n| (width(n), n)).max().unwrap_or_default();
        Self { colors, width }
    }

    fn average(&self) -> Color {
        let count: usize = self.colors.iter().map(|(_, count)| count).sum();
        let sum = |n: usize| self.colors.iter().map(|(color, count)| usize::from(color[n]) * count).sum::<usize>();
        [0, 1, 2].map(|n| u8::try_from(sum(n) / count.max(1)).unwrap_or(u8::MAX))
    }
}

/// Returns a palette, and the color of each pixel as its place in the palette.
///
/// That is all colors if there are few enough, as in most pictures of a guest. Otherwise the group of colors that differ most is
/// divided until there are enough groups (median cut).
fn reduced(picture: &Picture) -> (Vec<Color>, Vec<usize>) {
    let color = |pixel: &[u8]| [pixel[0], pixel[1], pixel[2]];
    let mut counts: BTreeMap<Color, usize> = BTreeMap::new();
    picture.pixels.chunks(3).for_each(|pixel| *counts.entry(color(pixel)).or_default() += 1);
    let mut groups = vec![Group::new(counts.into_iter().collect())];
    while groups.len() < COLORS
        && let Some(widest) = (0..groups.len()).max_by_key(|at| groups[*at].width)
        && groups[widest].width.0 > 0
    {
        let Group { mut colors, width: (_, channel) } = groups.swap_remove(widest);
        colors.sort_by_key(|(color, _)| color[channel]);
        let upper = colors.split_off(colors.len() / 2);
        groups.extend([Group::new(colors), Group::new(upper)]);
    }
    let numbers =
        groups.iter().enumerate().flat_map(|(at, group)| group.colors.iter().map(move |(color, _)| (*color, at)));
    let numbers: BTreeMap<Color, usize> = numbers.collect();
    let numbers = picture.pixels.chunks(3).map(|pixel| numbers.get(&color(pixel)).copied().unwrap_or_default());
    let numbers = numbers.collect();
    (groups.iter().map(Group::average).collect(), numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_color_has_its_columns() {
        let picture = Picture { width: 2, height: 7, pixels: [[255, 0, 0, 0, 0, 0].repeat(6), vec![0; 6]].concat() };
        let expected = "\x1bPq\"1;1;2;7#0;2;0;0;0#1;2;100;0;0#0?~$#1~?$-#0@@$-\x1b\\\n";
        assert_eq!(draw(&picture), expected);
    }

    #[test]
    fn a_picture_of_many_colors_has_the_nearest() {
        let pixels: Vec<u8> = (0..100u8).flat_map(|y| (0..100).flat_map(move |x| [x * 2, y * 2, 255])).collect();
        let picture = Picture { width: 100, height: 100, pixels };
        let (palette, numbers) = reduced(&picture);
        assert_eq!((palette.len(), numbers.len()), (COLORS, 10_000));
        for (pixel, number) in picture.pixels.chunks(3).zip(numbers) {
            let far = (0..3).map(|n| pixel[n].abs_diff(palette[number][n])).max();
            assert!(far.unwrap() < 16, "{pixel:?} {:?}", palette[number]);
        }
    }
}
