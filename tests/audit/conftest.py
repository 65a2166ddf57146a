from tests.corner_readers import balanced, confounded, draw_films, flag_reader, lesion_reader  # noqa: F401 - fixtures
