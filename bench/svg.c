/* Drawing charts. Colours are those of the page around them but for the series, which show on either ground. */
#include "svg.h"

enum { WIDTH = 760, HEIGHT = 360, LEFT = 80, RIGHT = 20, TOP = 56, BOTTOM = 64, TICKS = 5 };

static const char *const colours[SVG_SERIES] = { "#2f7ed8", "#d9534f", "#3aa655", "#b07aa1", "#c98a1b",
	"#6b7f8f" };

static void write_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else if (*text == '"')
			fputs("&quot;", out);
		else
			fputc(*text, out);
	}
}

static void put(FILE *out, double x, double y, const char *attributes, const char *text)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
	write_text(out, text);
	fprintf(out, "</text>\n");
}

void svg_begin(FILE *out, unsigned charts)
{
	fprintf(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" viewBox=\"0 0 %d %u\" "
	    "font-family=\"sans-serif\" font-size=\"12\">\n"
	    "<style>text{fill:#333}.axis{stroke:#555;stroke-width:1}.grid{stroke:#888;stroke-width:0.5;"
	    "stroke-opacity:0.5}@media (prefers-color-scheme:dark){text{fill:#ddd}.axis{stroke:#aaa}}"
	    "</style>\n",
	    WIDTH, charts * HEIGHT, WIDTH, charts * HEIGHT);
}

void svg_end(FILE *out)
{
	fprintf(out, "</svg>\n");
}

double svg_axis_end(double largest)
{
	double end = 1;

	if (largest <= 0)
		return 1;
	while (end < largest)
		end *= 10;
	while (end / 10 >= largest)
		end /= 10;
	if (end / 5 >= largest)
		return end / 5;
	return end / 2 >= largest ? end / 2 : end;
}

static unsigned series_of(const struct svg_chart *chart)
{
	unsigned count = 0;

	while (count < SVG_SERIES && chart->series[count].name != NULL)
		count++;
	return count;
}

static double largest_of(const struct svg_chart *chart)
{
	double largest = 0;

	for (unsigned i = 0; i < series_of(chart); i++)
		for (unsigned at = 0; at < chart->count; at++)
			if (chart->series[i].values[at] > largest)
				largest = chart->series[i].values[at];
	return largest;
}

/* Where the middle of a place is, and how wide it is. */
static double width_of(const struct svg_chart *chart)
{
	return (double)(WIDTH - LEFT - RIGHT) / chart->count;
}

static double middle_of(const struct svg_chart *chart, unsigned place)
{
	return LEFT + width_of(chart) * (place + 0.5);
}

/* How far above the x axis a value is. */
static double height_of(double value, double end)
{
	return value / end * (HEIGHT - TOP - BOTTOM);
}

static void draw_axes(FILE *out, const struct svg_chart *chart, double end)
{
	const double floor = HEIGHT - BOTTOM;

	for (unsigned i = 0; i <= TICKS; i++) {
		const double value = end * i / TICKS, y = floor - height_of(value, end);
		char text[32];

		snprintf(text, sizeof(text), "%g", value);
		fprintf(out, "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n",
		    LEFT, y, WIDTH - RIGHT, y);
		put(out, LEFT - 6, y + 4, "text-anchor=\"end\"", text);
	}
	fprintf(out, "<line class=\"axis\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", LEFT,
	    floor, WIDTH - RIGHT, floor);
	fprintf(out, "<line class=\"axis\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%.1f\"/>\n", LEFT, TOP,
	    LEFT, floor);
	for (unsigned i = 0; i < chart->count; i++)
		put(out, middle_of(chart, i), floor + 18, "text-anchor=\"middle\"", chart->places[i]);
	put(out, (LEFT + WIDTH - RIGHT) / 2.0, floor + 40, "text-anchor=\"middle\"", chart->x_label);
	fprintf(out, "<g transform=\"rotate(-90)\">");
	put(out, -(TOP + floor) / 2, 22, "text-anchor=\"middle\"", chart->y_label);
	fprintf(out, "</g>\n");
}

static void draw_line(FILE *out, const struct svg_chart *chart, unsigned index, double end)
{
	fprintf(
	    out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", colours[index]);
	for (unsigned i = 0; i < chart->count; i++)
		if (chart->series[index].values[i] >= 0)
			fprintf(out, "%.1f,%.1f ", middle_of(chart, i),
			    HEIGHT - BOTTOM - height_of(chart->series[index].values[i], end));
	fprintf(out, "\"/>\n");
	for (unsigned i = 0; i < chart->count; i++)
		if (chart->series[index].values[i] >= 0)
			fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
			    middle_of(chart, i),
			    HEIGHT - BOTTOM - height_of(chart->series[index].values[i], end),
			    colours[index]);
}

static void draw_bars(FILE *out, const struct svg_chart *chart, unsigned index, double end)
{
	const double width = width_of(chart) * 0.8 / series_of(chart);

	for (unsigned i = 0; i < chart->count; i++) {
		const double value = chart->series[index].values[i];
		const double height = height_of(value, end);

		if (value < 0)
			continue;
		fprintf(out,
		    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
		    middle_of(chart, i) - width_of(chart) * 0.4 + width * index,
		    HEIGHT - BOTTOM - height, width, height, colours[index]);
	}
}

static void draw_legend(FILE *out, const struct svg_chart *chart)
{
	for (unsigned i = 0; i < series_of(chart); i++) {
		const double x = LEFT + i * ((double)(WIDTH - LEFT - RIGHT) / series_of(chart));

		fprintf(out, "<rect x=\"%.1f\" y=\"34\" width=\"10\" height=\"10\" fill=\"%s\"/>\n", x,
		    colours[i]);
		put(out, x + 15, 43, "text-anchor=\"start\"", chart->series[i].name);
	}
}

void svg_chart(FILE *out, unsigned index, const struct svg_chart *chart)
{
	const double end = svg_axis_end(largest_of(chart));

	fprintf(out, "<g transform=\"translate(0,%u)\">\n", index * HEIGHT);
	put(out, LEFT, 20, "font-size=\"14\" font-weight=\"bold\"", chart->title);
	draw_axes(out, chart, end);
	draw_legend(out, chart);
	for (unsigned i = 0; i < series_of(chart); i++)
		(chart->bars ? draw_bars : draw_line)(out, chart, i, end);
	fprintf(out, "</g>\n");
}
