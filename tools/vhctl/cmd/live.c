// SPDX-License-Identifier: GPL-2.0-only
/* live.c - sampling, sorting and drawing of live tables. */
#include <ncurses.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/live.h"
#include "fields.h"
#include "parse.h"
#include "vhctl.h"

struct live_row *live_add(struct live *live)
{
	live->rows = realloc(live->rows, (live->nr_rows + 1) * sizeof(*live->rows));
	if (!live->rows) {
		error("out of memory");
		exit(EXIT_ERROR);
	}
	return memset(&live->rows[live->nr_rows++], 0, sizeof(*live->rows));
}

void live_number(struct live_row *r, int column, double value, const char *format)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(r->cell[column].text, sizeof(r->cell[0].text), format, value);
#pragma GCC diagnostic pop
	r->cell[column].sort = value;
	r->cell[column].number = true;
}

void live_bytes(struct live_row *r, int column, uint64_t value)
{
	snprintf(r->cell[column].text, sizeof(r->cell[0].text), "%s", human_bytes(value));
	r->cell[column].sort = value;
	r->cell[column].number = true;
}

void live_text(struct live_row *r, int column, const char *text)
{
	snprintf(r->cell[column].text, sizeof(r->cell[0].text), "%s", text);
}

static int sort_column;

/* Numbers: the largest first; text: in order. */
static int compare(const void *a, const void *b)
{
	const struct live_row *x = a, *y = b;
	double d = y->cell[sort_column].sort - x->cell[sort_column].sort;

	if (x->cell[sort_column].number)
		return d > 0 ? 1 : d < 0 ? -1 : 0;
	return strcmp(x->cell[sort_column].text, y->cell[sort_column].text);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void format_line(char *to, size_t size, const struct live_column *columns,
			const struct live_row *r, const int *width)
{
	size_t n = 0;

	to[0] = 0;
	for (int i = 0; columns[i].key && n < size; i++) {
		const char *text = r ? r->cell[i].text : columns[i].title;
		/* A negative width aligns to the left: text. */
		int w = columns[i + 1].key || width[i] > 0 ? width[i] : 0;

		n += snprintf(to + n, size - n, "%*s%s", w, text, columns[i + 1].key ? "  " : "");
	}
}

static void widths(const struct live *live, const struct live_column *columns, int *width)
{
	for (int i = 0; columns[i].key; i++) {
		int n = strlen(columns[i].title);
		bool number = live->nr_rows && live->rows[0].cell[i].number;

		for (unsigned int r = 0; r < live->nr_rows; r++)
			if ((int)strlen(live->rows[r].cell[i].text) > n)
				n = strlen(live->rows[r].cell[i].text);
		width[i] = number ? n : -n;
	}
}

static void draw(const struct live *live, const struct live_column *columns, const char *command,
		 bool screen)
{
	int width[LIVE_COLUMNS], lines = 0;
	char line[512];

	widths(live, columns, width);
	if (screen) {
		erase();
		mvprintw(0, 0, "vhctl %s   %u rows, sorted by %s   q: quit, <>: sort by",
			 command, live->nr_rows, columns[sort_column].key);
		format_line(line, sizeof(line), columns, NULL, width);
		attron(A_REVERSE);
		mvaddnstr(1, 0, line, COLS);
		attroff(A_REVERSE);
		lines = LINES - 2;
	} else {
		format_line(line, sizeof(line), columns, NULL, width);
		puts(line);
	}
	for (unsigned int r = 0; r < live->nr_rows && (!screen || (int)r < lines); r++) {
		format_line(line, sizeof(line), columns, &live->rows[r], width);
		if (screen)
			mvaddnstr(r + 2, 0, line, COLS);
		else
			puts(line);
	}
	if (screen)
		refresh();
	else
		fflush(stdout);
}

/* Waits for the next sample; false: the user quits. */
static bool keys(unsigned int delay, int nr_columns, bool *redraw)
{
	int key;

	*redraw = false;
	timeout(delay);
	key = getch();
	switch (key) {
	case 'q':
	case 'Q':
		return false;
	case '<':
	case KEY_LEFT:
		sort_column = (sort_column + nr_columns - 1) % nr_columns;
		*redraw = true;
		break;
	case '>':
	case KEY_RIGHT:
		sort_column = (sort_column + 1) % nr_columns;
		*redraw = true;
		break;
	}
	return true;
}

int live_main(int argc, char **argv, const char *command, const struct live_column *columns,
	      int (*sample)(struct live *live, void *arg, double seconds), void *arg)
{
	static const struct option options[] = {
		{ "delay", required_argument, NULL, 'd' },
		{ "count", required_argument, NULL, 'n' },
		{ "sort", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	bool screen = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO), redraw, more = true;
	unsigned int delay = 2000;
	struct live live = { };
	int opt, i, nr_columns = 0, status = EXIT_OK;
	uint64_t count = 0, n;
	double last;

	while (columns[nr_columns].key)
		nr_columns++;
	while ((opt = getopt_long(argc, argv, "d:n:s:h", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			if (!option_delay(optarg, &delay))
				return EXIT_USAGE;
			break;
		case 'n':
			if (!option_count(optarg, 1000000, &count))
				return EXIT_USAGE;
			break;
		case 's':
			for (i = 0; i < nr_columns && strcmp(columns[i].key, optarg); i++)
				;
			if (i == nr_columns) {
				error("--sort '%s': no such column", optarg);
				return EXIT_USAGE;
			}
			sort_column = i;
			break;
		case 'h':
			printf("usage: vhctl %s [OPTIONS]\n\n"
			       "  -d, --delay S   seconds between samples (default: 2)\n"
			       "  -n, --count N   so many samples, then end\n"
			       "  -s, --sort KEY  column to sort by:", command);
			for (i = 0; i < nr_columns; i++)
				printf(" %s", columns[i].key);
			puts("\n  -h, --help      this text\n\nOn a terminal: q quits, < and > choose the column.");
			return EXIT_OK;
		default:
			return usage_error(command);
		}
	}
	if (optind < argc) {
		error("unexpected argument '%s'", argv[optind]);
		return usage_error(command);
	}
	live.nl = vh_open();
	if (!live.nl)
		return EXIT_ERROR;
	/* The first sample has nothing to compare with: it is not shown. */
	last = now();
	if (sample(&live, arg, 1))
		return EXIT_ERROR;
	if (screen && !initscr())
		screen = false;
	if (screen) {
		noecho();
		cbreak();
		curs_set(0);
		keypad(stdscr, TRUE);
	}
	for (n = 0; more && (!count || n < count); n++) {
		double t;

		if (screen)
			do {
				more = keys(delay, nr_columns, &redraw);
				if (redraw) {
					qsort(live.rows, live.nr_rows, sizeof(*live.rows), compare);
					draw(&live, columns, command, screen);
				}
			} while (more && redraw);
		else
			poll(NULL, 0, delay);
		live.nr_rows = 0;
		t = now();
		if (more && sample(&live, arg, t > last ? t - last : 1)) {
			status = EXIT_ERROR;
			break;
		}
		last = t;
		if (live.nr_rows)
			qsort(live.rows, live.nr_rows, sizeof(*live.rows), compare);
		if (more)
			draw(&live, columns, command, screen);
	}
	if (screen)
		endwin();
	free(live.rows);
	vh_close(live.nl);
	return status;
}
