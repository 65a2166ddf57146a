"""Pictures for people: Matplotlib figures of films and maps, Plotly charts of numbers; nothing global is changed."""
