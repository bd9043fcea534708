import { describe, expect, test } from 'vitest';
import { compileRoutes, type Route } from '../../lib/emulator/routes.ts';

const route = (method: string, path: string): Route => ({
  method,
  path,
  access: 'open',
  handle: () => ({ status: 200 }),
});

describe('compileRoutes', () => {
  const find = compileRoutes([route('GET', '/a/fixed'), route('GET', '/a/{id}'), route('PUT', '/a/{id}/b')]);

  test.each([
    ['GET', '/a/fixed', '/a/fixed', {}],
    ['GET', '/a/x%20y', '/a/{id}', { id: 'x y' }],
    ['GET', '/a/x%2Fb', '/a/{id}', { id: 'x/b' }],
    ['PUT', '/a/1/b', '/a/{id}/b', { id: '1' }],
  ])('finds %s %s', (method, path, pattern, params) => {
    expect(find(method, path)).toEqual({ route: expect.objectContaining({ path: pattern }), params });
  });

  test.each([
    ['POST', '/a/x'],
    ['GET', '/a/'],
    ['GET', '/a/x/'],
    ['GET', '/A/x'],
    ['GET', '/a/%zz'],
    ['GET', ''],
  ])('finds nothing for %s %s', (method, path) => {
    expect(find(method, path)).toBeNull();
  });
});
