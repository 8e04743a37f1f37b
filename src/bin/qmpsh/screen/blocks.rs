//! A picture of half blocks in 24-bit color.

use std::fmt::Write as _;

use super::picture::Picture;

/// Draws a picture in at most so many columns and rows. A half block is taken to be as wide as it is high.
pub(crate) fn draw(picture: &Picture, columns: usize, rows: usize) -> String {
    let scaled = picture.fitted(columns, rows * 2);
    let (width, height) = (scaled.width, scaled.height);
    let mut out = String::new();
    let color = |x: usize, y: usize| {
        let at = (y * width + x) * 3;
        scaled.pixels.get(at..at + 3).map(|rgb| format!("2;{};{};{}", rgb[0], rgb[1], rgb[2]))
    };
    for y in (0..height).step_by(2) {
        let mut now = String::new();
        for x in 0..width {
            let colors = match (color(x, y), color(x, y + 1)) {
                (Some(top), Some(bottom)) => format!("\x1b[38;{top};48;{bottom}m"),
                (top, _) => format!("\x1b[0;38;{}m", top.unwrap_or_default()),
            };
            if colors != now {
                out.push_str(&colors);
                now = colors;
            }
            out.push('▀');
        }
        // Writing to memory cannot fail.
        let _ = writeln!(out, "\x1b[0m");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_has_two_pixels() {
        let picture = Picture { width: 1, height: 3, pixels: vec![1, 2, 3, 4, 5, 6, 7, 8, 9] };
        assert_eq!(draw(&picture, 80, 24), "\x1b[38;2;1;2;3;48;2;4;5;6m▀\x1b[0m\n\x1b[0;38;2;7;8;9m▀\x1b[0m\n");
    }
}
